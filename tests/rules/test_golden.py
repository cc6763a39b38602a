"""The worked cases come out exactly, from the shipped packs, through the engine and the command line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from roadworthy.entrypoints.cli import run
from roadworthy.rules.decide import Decision, decide
from roadworthy.rules.packs import shipped

GOLDEN = yaml.safe_load((Path(__file__).parent / "golden.yaml").read_text(encoding="utf-8"))
CASES: dict[str, dict[str, Any]] = {one["id"]: one for one in GOLDEN["cases"]}
BOOK = shipped()


def facts_of(case: dict[str, Any]) -> dict[str, Any]:
    """Return the facts of a case, with those of the one it extends."""
    inherited = facts_of(CASES[case["extends"]]) if "extends" in case else {}
    return {**inherited, **case["facts"]}


def day_of(case: dict[str, Any]) -> date:
    """Return the day a case is decided on."""
    day = case.get("as_of", GOLDEN["as_of"])
    assert isinstance(day, date)
    return day


def decided(case: dict[str, Any]) -> Decision:
    """Decide a case."""
    assume_neg = not case.get("partial", False)
    return decide(facts_of(case), rulebook=BOOK, as_of=day_of(case), assume_neg=assume_neg)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_case_comes_out_exactly(case: dict[str, Any]) -> None:
    """Tier, what fires now, what fires later: the whole sets, and the near misses stay out."""
    for name, value in facts_of(case).items():
        assert BOOK.vocabulary.problem_with(name, value) == ""
    found = decided(case)
    if "needs_info_includes" in case:
        assert set(case["needs_info_includes"]) <= set(found.needs_info)
        return
    assert found.tier == case["tier"]
    assert set(found.fires_now) == set(case["fires_now"])
    assert set(found.fires_later) == set(case["fires_later"])
    assert found.needs_info == ()
    silenced = found.silenced_by
    assert all(silenced[rule] for rule in case["must_not_fire"])


def test_every_rule_is_heard_once() -> None:
    """A rule fires now, fires later, needs information or is silenced: one of the four, never none."""
    for case in CASES.values():
        found = decided(case)
        heard = [*found.fires_now, *found.fires_later, *found.needs_info, *found.silenced_by]
        assert sorted(heard) == sorted(BOOK.by_id)


def test_the_carve_out_is_named() -> None:
    """Where one condition keeps a rule silent, that condition and its facts are named."""
    reviewed = decided(CASES["UC04a"])
    assert reviewed.silenced_by["us_ca.ab3030.patient_comm"] == ("licensed_reviewer_before_send",)
    exempt = decided(CASES["UC02a"])
    (silence,) = exempt.silences["eu.aia.art27.fria"]
    assert silence.condition.startswith("not (art6_3_condition is true")
    assert "art6_3_condition" in silence.facts
    assert exempt.silenced_by["us.eo14365.watch"] == ("legal_status",)


@pytest.mark.parametrize("name", ["UC01", "UC09", "T02", "T03"])
def test_the_command_says_the_same(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`roadworthy rules decide` needs no server and prints what the engine decided."""
    case = CASES[name]
    file = tmp_path / "facts.yaml"
    file.write_text(yaml.safe_dump(facts_of(case)), encoding="utf-8")
    arguments = ["rules", "decide", "--facts", str(file), "--as-of", str(day_of(case)), "-o", "json"]
    assert run(None, [*arguments, *([] if case.get("partial") else ["--assume-neg"])]) == 0
    printed, found = json.loads(capsys.readouterr().out), decided(case)
    assert printed["tier"] == found.tier
    assert printed["fires_now"] == list(found.fires_now)
    assert printed["fires_later"] == list(found.fires_later)
    assert printed["needs_info"] == list(found.needs_info)
    assert printed["silenced_by"] == {rule: list(facts) for rule, facts in found.silenced_by.items()}
    assert [one["id"] for one in printed["obligations"]] == [one.id for one in found.obligations]


def test_an_empty_list_silences_no_law(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People are somewhere: an empty list of places leaves every rule about a place open."""
    found = {}
    for places in ("", "jurisdictions: []\n"):
        file = tmp_path / "facts.yaml"
        file.write_text(f"{places}practices: [social_scoring]\n", encoding="utf-8")
        assert run(None, ["rules", "decide", "--facts", str(file), "-o", "json"]) == 0
        found[places] = json.loads(capsys.readouterr().out)
    assert found["jurisdictions: []\n"] == found[""]
    assert found[""]["provisional"]
    assert "eu.aia.art5" in found[""]["needs_info"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("minors: some", "one of none, possible, known"),
        ("minor: none", "Did you mean `minors`?"),
        ("sector: banking", "takes a list"),
        ("sector: [bankin]", "did you mean banking?"),
        ("jurisdictions: [NO]", "in quotes"),
        ("jurisdictions: [UK]", "does not know UK"),
        ("training_ops: 1.0e26", "write 1.0e+26"),
        ("employer_size: -1", "from 0 up"),
        ("personal_data: 'yes'", "true or false"),
        ("- personal_data", "no mapping of facts"),
        ("a: [", "neither YAML nor JSON"),
        ("jurisdictions: [EL]", "does not know EL"),
        ("jurisdictions: [EU]\njurisdictions: [US]", "`jurisdictions` stands twice"),
        ("facts:\n  minors: none\n  minors: known", "`minors` stands twice"),
        (f"sector: {'[' * 5000}{']' * 5000}", "nested too deeply"),
    ],
)
def test_what_is_no_answer_is_named(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A slip in the file is an error that says what would be an answer; it never reads as silence."""
    file = tmp_path / "facts.yaml"
    file.write_text(text, encoding="utf-8")
    assert run(None, ["rules", "decide", "--facts", str(file)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
