"""A gate's verdict as build servers read it: all items are there, and none that passes counts as failed."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.entrypoints.cli.commands.gates import EXIT_CODES
from roadworthy.entrypoints.cli.gate_report import junit, sarif

WORDS = ("pass", "fail", "inconclusive", "error", "waived", "skipped")
KINDS = {"pass", "open", "informational", "notApplicable", "review", "fail"}
LEVELS = {"none", "note", "warning", "error"}
TEXTS = st.text(max_size=40)


def item(name: str, word: str, *, required: bool = True, because: str = "So it is.") -> dict[str, Any]:
    """Return an item as the API says it."""
    return {
        "id": name,
        "gate": "live",
        "check": "control",
        "subject": "C20",
        "what": "Stopping it was practised",
        "required": required,
        "verdict": word,
        "said": word,
        "because": because,
        "evidence": ["ev_1"],
        "who": [],
        "next_step": "" if word == "pass" else "Do it.",
    }


def verdict(*items: dict[str, Any], declared_at: str = "declarations/x y.yaml:12") -> dict[str, Any]:
    """Return a verdict as the API says it."""
    return {
        "ref": "use-case/claims-triage",
        "gate": "live",
        "verdict": "fail",
        "said": "fail",
        "tier": "high",
        "stage": "live",
        "rules": "house 1.0.0",
        "generation": 3,
        "as_of": "2026-11-23T09:30:00+00:00",
        "declared_at": declared_at,
        "items": list(items),
    }


ITEMS = st.lists(st.tuples(st.sampled_from(WORDS), st.booleans(), TEXTS), max_size=8)


@given(ITEMS)
def test_junit_counts_what_stands_in_the_way(items: list[tuple[str, bool, str]]) -> None:
    """It parses whatever the texts are; failures and errors are exactly the required items that block."""
    found = verdict(
        *(
            item(f"live/{place}", word, required=required, because=text)
            for place, (word, required, text) in enumerate(items)
        )
    )
    root = ET.fromstring(junit(found))  # noqa: S314  # what we just wrote
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == [f"live/{place}" for place in range(len(items))]
    failing = sum(required and word == "fail" for word, required, _ in items)
    errors = sum(required and word in {"inconclusive", "error"} for word, required, _ in items)
    passed = sum(word == "pass" for word, _, _ in items)
    for one in (root, suite):
        assert int(one.attrib["tests"]) == len(items)
        assert int(one.attrib["failures"]) == failing == len(suite.findall("testcase/failure"))
        assert int(one.attrib["errors"]) == errors == len(suite.findall("testcase/error"))
        assert int(one.attrib["skipped"]) == len(items) - failing - errors - passed
    # What a build server calls green is what the command ends with 0 for, where every word is a required one.
    if all(required for _, required, _ in items):
        assert (failing + errors == 0) == all(EXIT_CODES[word] == 0 for word, _, _ in items)


@given(ITEMS)
def test_sarif_holds_to_its_standard(items: list[tuple[str, bool, str]]) -> None:
    """The facts of SARIF 2.1.0: version, kinds, levels, rules by index, texts, locations, suppressions."""
    found = verdict(
        *(
            item(f"live/{place}", word, required=required, because=text)
            for place, (word, required, text) in enumerate(items)
        )
    )
    document = json.loads(sarif(found, version="1.2.3"))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "roadworthy"
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(run["results"]) == len(items)
    for result, (word, required, _) in zip(run["results"], items, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["kind"] in KINDS
        assert result["level"] in LEVELS
        # 3.27.10: a kind other than `fail` has the level `none`.
        assert (result["level"] == "none") == (result["kind"] != "fail")
        assert result["message"]["text"]
        assert ("suppressions" in result) == (word == "waived")
        if word in {"fail", "error"}:
            assert result["level"] == ("error" if required else "warning")
        (location,) = result["locations"]
        assert location["logicalLocations"][0]["fullyQualifiedName"] == "use-case/claims-triage"
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "declarations/x%20y.yaml"
        assert location["physicalLocation"]["region"]["startLine"] == 12


@pytest.mark.parametrize("declared_at", ["", "the console", "console:3 lines", "x.yaml:0"])
def test_without_a_file_there_is_no_place(declared_at: str) -> None:
    """What was declared in the console has a name and no line."""
    document = json.loads(sarif(verdict(item("live/a", "fail"), declared_at=declared_at), version="1"))
    assert "physicalLocation" not in document["runs"][0]["results"][0]["locations"][0]


def test_every_word_has_an_exit_code() -> None:
    """They are those of the conventions: failed 3, inconclusive 5, an error 1."""
    assert {word: EXIT_CODES[word] for word in WORDS} == {
        "pass": 0,
        "waived": 0,
        "skipped": 0,
        "fail": 3,
        "inconclusive": 5,
        "error": 1,
    }
