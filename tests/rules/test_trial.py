"""Packs tried at the command line without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from roadworthy.entrypoints.cli import run
from tests.governance.company import document
from tests.rules.packs import RULE, changed, pack


def check(spec: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, object]]:
    """Try a pack; return the exit code and what was printed."""
    file = tmp_path / "pack.yaml"
    file.write_text(yaml.safe_dump(spec), encoding="utf-8")
    code = run(None, ["rules", "check", str(file), "-o", "json"])
    return code, json.loads(capsys.readouterr().out or "{}")


def test_a_good_pack_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a whole document or as its spec."""
    whole = document("PolicyPack", "contracts", pack(RULE))
    for spec in (whole, pack(RULE)):
        code, found = check(spec, tmp_path, capsys)
        assert (code, found["problems"]) == (0, [])


def test_fixtures_are_proposed_for_what_is_not_pinned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule without fixtures is refused, and gets some that would pass the check."""
    bare = changed(when={"all": [{"data_classes": {"any_of": ["npi"]}}, {"minors": {"gte": "known"}}]})
    del bare["fixtures"]
    code, found = check(pack(bare), tmp_path, capsys)
    assert code == 1
    assert found["problems"]
    fixtures = found["fixtures"]
    assert isinstance(fixtures, dict)
    again = {**bare, "fixtures": fixtures["contract.acme.no_npi"]}
    assert check(pack(again), tmp_path, capsys)[0] == 0


@pytest.mark.parametrize("text", ["a: [", "- 1", "", "kind: PolicyPack"])
def test_what_is_no_pack_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed as data, or the problems are named; never a crash."""
    file = tmp_path / "pack.yaml"
    file.write_text(text, encoding="utf-8")
    assert run(None, ["rules", "check", str(file)]) == 1
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err


def test_rules_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The shipped rules and facts are at hand without a server; a slip is answered with the nearest id."""
    assert run(None, ["rules", "list", "--pack", "house", "-o", "name"]) == 0
    assert capsys.readouterr().out.split() == ["house.baseline", "house.agentic"]
    assert run(None, ["rules", "show", "us_nyc.ll144", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["tier_effect"] == "high"
    assert run(None, ["rules", "show", "us_nyc.ll44"]) == 1
    assert "Did you mean us_nyc.ll144?" in capsys.readouterr().err
    assert run(None, ["rules", "facts", "-o", "json"]) == 0
    facts = {one["fact"]: one for one in json.loads(capsys.readouterr().out)["items"]}
    assert facts["minors"]["values"] == ["none", "possible", "known", "directed_under_13"]
    assert all(one["rules"] for one in facts.values())


def test_facts_are_decided_by_packs_that_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pack of one's own adds its rules, a shipped pack's file takes its place; several can be named."""
    facts = tmp_path / "facts.yaml"
    facts.write_text("data_classes: [npi]\n", encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text(
        yaml.safe_dump({"kind": "PolicyPack", "metadata": {"name": "contracts"}, "spec": pack(RULE)}),
        encoding="utf-8",
    )
    empty = tmp_path / "house.yaml"
    shipped_without = {
        "name": "house", "title": "House", "version": "9.0.0", "review_by": "2027-06-01", "rules": [],
    }  # fmt: skip
    empty.write_text(yaml.safe_dump(shipped_without), encoding="utf-8")

    def decided(*more: str) -> dict[str, Any]:
        asked = ["rules", "decide", "--facts", str(facts), "--as-of", "2026-11-23", "-o", "json", *more]
        assert run(None, asked) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    alone, with_own = decided(), decided("--pack", str(own))
    assert RULE["id"] in {*with_own["fires_now"], *with_own["fires_later"]}
    assert RULE["id"] not in alone["fires_now"]
    assert "house.baseline" in alone["fires_now"]
    both = decided("--pack", str(own), "--pack", str(empty))
    assert "house.baseline" not in both["fires_now"]
    assert RULE["id"] in both["fires_now"]
    broken = tmp_path / "broken.yaml"
    broken.write_text(
        yaml.safe_dump({"kind": "PolicyPack", "metadata": {"name": "x"}, "spec": pack(changed(fixtures=[]))}),
        encoding="utf-8",
    )
    assert run(None, ["rules", "decide", "--facts", str(facts), "--pack", str(broken)]) == 1
    assert "cannot be read" in capsys.readouterr().err
    broken.write_text(f"rules: {chr(91) * 5000}{chr(93) * 5000}", encoding="utf-8")
    assert run(None, ["rules", "check", str(broken)]) == 1
    assert "nested too deeply" in capsys.readouterr().err
