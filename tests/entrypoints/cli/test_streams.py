"""Streams and exit codes: data on standard output or none at all, everything else on standard error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "first-loop"


def roadworthy(
    *words: str, home: Path, given: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the program as a person would, with a home of its own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")}
    return subprocess.run(
        [sys.executable, "-m", "roadworthy", *words],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**kept, "ROADWORTHY_HOME": str(home), "NO_COLOR": "1", **environment},
    )


def test_an_unknown_command_is_usage(tmp_path: Path) -> None:
    """A typing error ends with 2 and names the nearest command."""
    ended = roadworthy("aply", home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "apply" in ended.stderr


def test_who_is_not_signed_in_is_told_how(tmp_path: Path) -> None:
    """Without a profile a command ends with 4, says why, and names the command that helps."""
    ended = roadworthy("get", "use-case", home=tmp_path)
    assert (ended.returncode, ended.stdout) == (4, "")
    assert "not signed in" in ended.stderr
    assert "roadworthy sign-in" in ended.stderr


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A refused connection is an error with the address and what to do, not a stack."""
    ended = roadworthy("whoami", home=tmp_path, ROADWORTHY_URL="http://127.0.0.1:9", ROADWORTHY_TOKEN="rwt_x")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "http://127.0.0.1:9 cannot be reached" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_token_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    """Without TLS a token leaves this machine only where somebody said that they want it."""
    ended = roadworthy(
        "whoami", home=tmp_path, ROADWORTHY_URL="http://192.0.2.1", ROADWORTHY_TOKEN="rwt_secret"
    )
    assert ended.returncode == 1
    assert "not sent" in ended.stderr
    assert "rwt_secret" not in ended.stderr


@pytest.mark.parametrize("words", [("plan",), ("apply",), ("validate",), ("get",), ("rollback", "a/b")])
def test_missing_words_are_usage(words: tuple[str, ...], tmp_path: Path) -> None:
    """What is missing is named, and nothing is done."""
    ended = roadworthy(*words, home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Error:" in ended.stderr


def test_a_reader_who_leaves_is_no_error(tmp_path: Path) -> None:
    """`roadworthy … | head -1` ends with 0, whoever stops reading."""
    line = f"set -o pipefail; {sys.executable} -m roadworthy completion bash | true"
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_init_writes_what_validates_and_overwrites_nothing(tmp_path: Path) -> None:
    """The starter is a declaration that the schemas accept; a second `init` leaves it alone."""
    target = tmp_path / "first" / "roadworthy.yaml"
    made = roadworthy("init", str(target), home=tmp_path)
    assert (made.returncode, made.stdout.strip()) == (0, str(target))
    checked = roadworthy("validate", "-f", str(target), home=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert "use-case/ticket-replies" in checked.stdout.split()
    target.write_text("mine\n")
    again = roadworthy("init", str(target), home=tmp_path)
    assert (again.returncode, again.stdout) == (1, "")
    assert target.read_text() == "mine\n"


@pytest.mark.parametrize(
    ("name", "field"),
    [("use-case-without-outcome", "spec.outcome"), ("outcome-without-baseline", "spec.baseline")],
)
def test_the_refused_examples_name_file_line_and_field(name: str, field: str, tmp_path: Path) -> None:
    """Step two of the loop, offline: what is missing is named with its place and what to do."""
    file = EXAMPLES / "refused" / f"{name}.yaml"
    ended = roadworthy("validate", "-f", str(file), home=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"{file}:" in ended.stderr
    assert field in ended.stderr
    assert "fix:" in ended.stderr


def test_the_examples_validate(tmp_path: Path) -> None:
    """What the loop applies is well formed."""
    ended = roadworthy("validate", "-f", str(EXAMPLES / "declarations"), "-o", "json", home=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert '"use-case/claims-triage"' in ended.stdout


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A path that is not there, and bytes that are not text, are errors about that file."""
    (tmp_path / "latin.yaml").write_bytes(b"kind: Unit\ntitle: \xe9t\xe9\n")
    for name, said in (("absent.yaml", "cannot be read"), ("latin.yaml", "latin.yaml:2 is not UTF-8")):
        ended = roadworthy("validate", "-f", str(tmp_path / name), home=tmp_path)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert said in ended.stderr


def test_an_empty_folder_is_not_a_success(tmp_path: Path) -> None:
    """A pipeline that points at the wrong folder must not be green."""
    (tmp_path / "empty").mkdir()
    ended = roadworthy("validate", "-f", str(tmp_path / "empty"), home=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "holds no declarations" in ended.stderr
