"""What is refused in a declaration of why AI is used, with the field and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from roadworthy.foundation.errors import InvalidError, Issue
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.manifest import parse
from roadworthy.registry.operations import read_documents
from roadworthy.registry.resource import load
from roadworthy.use_cases.admission import against
from roadworthy.use_cases.kinds import KINDS, Metric, Outcome

CATALOGUE = Catalogue(KINDS)
OUTCOME: dict[str, Any] = {
    "title": "Faster claims",
    "owner": "ada",
    "kind": "speed",
    "metric": "hours",
    "baseline": {"value": 31, "from": "2026-01-05", "to": "2026-06-28"},
    "target": {"delta": -6},
    "horizon": "2027-06-30",
}
USE_CASE: dict[str, Any] = {"title": "Triage", "summary": "Sorts claims.", "outcome": "faster-claims"}


def declared(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a declaration."""
    return {"apiVersion": "roadworthy/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def issues(kind: str, spec: dict[str, Any]) -> list[Issue]:
    """Return why a declaration is refused."""
    with pytest.raises(InvalidError) as refused:
        load(declared(kind, spec), CATALOGUE)
    return list(refused.value.issues)


def test_a_use_case_without_outcome_says_to_declare_one() -> None:
    """The field is named, and the advice is to declare the outcome first."""
    (issue,) = issues("UseCase", {k: v for k, v in USE_CASE.items() if k != "outcome"})
    assert issue.field == "spec.outcome"
    assert "Declare the outcome it serves first" in issue.fix


def test_in_a_file_the_line_is_named_too() -> None:
    """A person finds the place without searching."""
    text = "apiVersion: roadworthy/v1\nkind: UseCase\nmetadata: {name: x}\nspec:\n  title: T\n  summary: S\n"
    from roadworthy.registry.assembly import assemble
    from roadworthy.use_cases.wiring import SLICE

    with pytest.raises(InvalidError) as refused:
        read_documents(assemble((SLICE,)), parse(text, file="uc.yaml"))
    (issue,) = refused.value.issues
    assert (issue.file, issue.line, issue.field) == ("uc.yaml", 4, "spec.outcome")


@pytest.mark.parametrize("field", ["owner", "baseline", "target", "horizon", "metric"])
def test_an_outcome_lacks_nothing(field: str) -> None:
    """Owner, metric, baseline, target and horizon are each asked for with an example."""
    (issue,) = issues("Outcome", {k: v for k, v in OUTCOME.items() if k != field})
    assert issue.field == f"spec.{field}"
    assert f"`{field}:" in issue.fix


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        (
            {"baseline": {"value": 1, "from": "2026-02-01", "to": "2026-01-01"}},
            "spec.baseline",
            "before it begins",
        ),
        ({"target": {"delta": 0}}, "spec.target", "changes nothing"),
        ({"horizon": "2026-06-28"}, "spec", "not after the baseline"),
        ({"unit_value": {"amount": 0, "currency": "EUR"}}, "spec.unit_value.amount", "greater than 0"),
        ({"unit_value": {"amount": 1, "currency": "euro"}}, "spec.unit_value.currency", "pattern"),
        ({"horizon": "soon"}, "spec.horizon", "date"),
        (
            {"baseline": {"value": "31", "from": "2026-01-05", "to": "2026-06-28"}},
            "spec.baseline.value",
            "number",
        ),
    ],
)
def test_an_outcome_that_cannot_be_meant(change: dict[str, Any], field: str, said: str) -> None:
    """The wrong field is named, in words."""
    (issue,) = issues("Outcome", {**OUTCOME, **change})
    assert issue.field == field
    assert said in issue.message


@pytest.mark.parametrize(("kind", "spec"), [("Outcome", OUTCOME), ("UseCase", USE_CASE)])
def test_what_is_written_out_can_be_read_again(kind: str, spec: dict[str, Any]) -> None:
    """Export and apply is a no-op: `from` stays `from`, and defaults change nothing."""
    resource = load(declared(kind, spec), CATALOGUE)
    assert load(resource.document(), CATALOGUE) == resource
    assert load(resource.manifest(), CATALOGUE) == resource
    assert resource.manifest()["spec"] == spec


@pytest.mark.parametrize(
    ("delta", "direction", "wrong"),
    [(-6, "decrease", False), (6, "increase", False), (6, "decrease", True), (-6, "increase", True)],
)
def test_a_target_agrees_with_its_metric(delta: float, direction: Any, wrong: bool) -> None:  # noqa: FBT001
    """Aiming for more of what is better when it decreases is a contradiction."""
    resource = load(declared("Outcome", {**OUTCOME, "target": {"delta": delta}}), CATALOGUE)
    assert isinstance(resource.spec, Outcome)
    metric = Metric(title="H", layer="business", unit="h", direction=direction)
    assert bool(against(resource.spec, metric)) is wrong
