"""`effect estimate` needs no server; `effect NAME` still asks it about an outcome."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from roadworthy.entrypoints.cli import root, run

EXAMPLES = Path(__file__).resolve().parent.parent.parent.parent / "examples" / "effects"


def _asked(*words: str) -> list[str]:
    return ["effect", "estimate", *words]


def _files(name: str) -> list[str]:
    return ["--data", str(EXAMPLES / f"{name}.csv"), "--design", str(EXAMPLES / f"{name}.yaml")]


def test_a_person_reads_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """The table of an example gives the sentence, the verdict, the grade and the checks."""
    assert run(None, _asked(*_files("weekly"))) == 0
    told = capsys.readouterr().out
    assert told.startswith("hours is ")
    for word in ("Verdict  improved", "Grade    D", "Checks", "within margin", "Next "):
        assert word in told


def test_a_program_reads_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON form carries a version and every part that the guide lists."""
    assert run(None, _asked(*_files("trial"), "-o", "json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema_version"] == 1
    guide = (EXAMPLES.parent.parent / "docs" / "how-to" / "estimate-an-effect.md").read_text()
    for key in [*found, *found["effect"], *found["power"], *found["guards"][0], *found["checks"][0]]:
        assert key == "schema_version" or f"`{key}`" in guide or f"{key}," in guide, key


def test_what_cannot_be_told_ends_with_five(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A refusal is a document and an exit code; a wrong table is an error on standard error alone."""
    short = tmp_path / "short.csv"
    short.write_text("\n".join((EXAMPLES / "weekly.csv").read_text().splitlines()[:9]))
    words = _asked("--data", str(short), "--design", str(EXAMPLES / "weekly.yaml"))
    assert run(None, [*words, "-o", "json"]) == 5
    assert json.loads(capsys.readouterr().out)["verdict"] == "refused"
    short.write_text("week,hours\n2026-01-05,many\n")
    assert run(None, words) == 1
    caught = capsys.readouterr()
    assert caught.out == ""
    assert "complaints" in caught.err
    assert run(None, _asked("--design", str(tmp_path / "none.yaml"))) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_name_is_an_outcome() -> None:
    """`effect NAME` is the command that shows an outcome, with its options; `effect show` says it whole."""
    runner = CliRunner()
    named = runner.invoke(root, ["effect", "faster-claims", "--help"])
    assert named.exit_code == 0
    assert "--output" in named.output
    assert "OUTCOME" in runner.invoke(root, ["effect", "show", "--help"]).output
    assert runner.invoke(root, ["effect", "--nonsense"]).exit_code == 2


def test_it_runs_as_installed() -> None:
    """The installed program reads a table from standard input."""
    done = subprocess.run(
        [sys.executable, "-m", "roadworthy", "effect", "estimate", "--data", "-", "--design",
         str(EXAMPLES / "sites.yaml"), "-o", "json"],
        input=(EXAMPLES / "sites.csv").read_bytes(), capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["effect"]["percent"]["estimate"] < 0


def test_the_guide_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """What a newcomer reads in the guide is what the program prints of the same files."""
    assert run(None, _asked(*_files("weekly"))) == 0
    told = capsys.readouterr().out
    guide = (EXAMPLES.parent.parent / "docs" / "how-to" / "estimate-an-effect.md").read_text()
    shown = guide.partition("```text\n")[2].partition("```")[0]
    assert shown in told
    design = (EXAMPLES / "weekly.yaml").read_text()
    for line in guide.partition("```yaml\n")[2].partition("```")[0].splitlines():
        assert line.split("#")[0].rstrip() in design
