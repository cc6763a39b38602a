"""A gate's verdict in the formats build servers read: JUnit XML and SARIF 2.1.0."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.sax.saxutils import escape, quoteattr

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLACE = re.compile(r"^(?P<file>[^:\s][^:]*):(?P<line>[1-9][0-9]*)$")
_KINDS = {
    "pass": "pass",
    "fail": "fail",
    "error": "fail",
    "inconclusive": "open",
    "waived": "fail",
    "skipped": "notApplicable",
}


def junit(found: dict[str, Any]) -> str:
    """Write a verdict as JUnit XML: an item is a test case, what does not stand in the way is no failure."""
    items = found["items"]
    words = [_junit_word(one) for one in items]
    totals = (
        f'tests="{len(items)}" failures="{words.count("failure")}" errors="{words.count("error")}" '
        f'skipped="{words.count("skipped")}"'
    )
    suite = _attribute(f"{found['ref']} {found['gate']}")
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="roadworthy gate" {totals}>',
        f"  <testsuite name={suite} {totals} timestamp={_attribute(found['as_of'][:19])}>",
        "    <properties>",
        *(
            f"      <property name={_attribute(name)} value={_attribute(found[name])}/>"
            for name in ("verdict", "said", "tier", "stage", "rules", "generation")
        ),
        "    </properties>",
    ]
    for one, word in zip(items, words, strict=True):
        case = f"    <testcase name={_attribute(one['id'])} classname={_attribute(one['gate'])}"
        if word == "passed":
            lines.append(f"{case}/>")
            continue
        text = f"{one['because']}\n{one['next_step']}".strip()
        what = f"{one['what']}: {one['said']}"
        kind = f" type={_attribute(one['verdict'])}" if word != "skipped" else ""
        lines += [
            f"{case}>",
            f"      <{word} message={_attribute(what)}{kind}>{_text(text)}</{word}>",
            "    </testcase>",
        ]
    return "\n".join([*lines, "  </testsuite>", "</testsuites>"])


def _junit_word(one: dict[str, Any]) -> str:
    if one["verdict"] == "pass":
        return "passed"
    if one["verdict"] in {"skipped", "waived"} or not one["required"]:
        return "skipped"
    return "failure" if one["verdict"] == "fail" else "error"


def sarif(found: dict[str, Any], *, version: str) -> str:
    """Write a verdict as SARIF: an item is a rule and a result; an exception is an accepted suppression."""
    items = found["items"]
    run = {
        "tool": {
            "driver": {
                "name": "roadworthy",
                "version": version,
                "rules": [_rule(one) for one in items],
            }
        },
        "results": [_result(one, found, place) for place, one in enumerate(items)],
        "properties": {name: found[name] for name in ("verdict", "said", "gate", "tier", "stage", "as_of")},
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": one["id"],
        "name": one["subject"] or one["check"],
        "shortDescription": {"text": one["what"]},
        "defaultConfiguration": {"level": "error" if one["required"] else "warning"},
        "properties": {"check": one["check"], "gate": one["gate"], "required": one["required"]},
    }


def _result(one: dict[str, Any], found: dict[str, Any], place: int) -> dict[str, Any]:
    kind = _KINDS[one["verdict"]]
    # By the standard, a result of another kind than `fail` has the level `none`.
    level = "none" if kind != "fail" else "error" if one["required"] else "warning"
    text = f"{one['what']}: {one['said']}. {one['because']} {one['next_step']}".strip()
    result: dict[str, Any] = {
        "ruleId": one["id"],
        "ruleIndex": place,
        "kind": kind,
        "level": level,
        "message": {"text": text},
        "locations": [_location(found)],
        "partialFingerprints": {"item/v1": f"{found['ref']} {one['id']}"},
        "properties": {"verdict": one["verdict"], "evidence": one["evidence"], "who": one["who"]},
    }
    if one["verdict"] == "waived":
        suppression = {"kind": "external", "status": "accepted", "justification": one["because"]}
        result["suppressions"] = [suppression]
    return result


def _location(found: dict[str, Any]) -> dict[str, Any]:
    """Point at the declaration: by name always, by file and line where it was applied from a file."""
    location: dict[str, Any] = {
        "logicalLocations": [{"fullyQualifiedName": found["ref"], "kind": "resource"}]
    }
    at = _PLACE.match(found["declared_at"])
    if at is not None:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(at["file"])},
            "region": {"startLine": int(at["line"])},
        }
    return location


def _uri(file: str) -> str:
    from urllib.parse import quote

    return quote(file.replace("\\", "/"))


def _attribute(value: Any) -> str:
    return quoteattr(_NOT_IN_XML.sub("\ufffd", str(value)), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _text(value: str) -> str:
    return escape(_NOT_IN_XML.sub("\ufffd", value))
