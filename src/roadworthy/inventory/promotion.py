"""Pure: the beginning of a use case, written from an entry; what is missing is said, never made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from roadworthy.inventory.report import Assessed
from roadworthy.registry import manifest
from roadworthy.registry.kinds import API_VERSION, ROOT_NAMESPACE

_TITLE = 120
_TEXT = 4000


@dataclass(frozen=True, slots=True)
class Promotion:
    """What to put into a file, and what that file still needs."""

    text: str
    document: dict[str, Any]
    missing: tuple[str, ...]


def promote(one: Assessed, *, namespace: str, annotation: str) -> Promotion:
    """Write the beginning of a use case: facts are carried over, the outcome is the owner's to declare."""
    entry = one.entry
    metadata: dict[str, Any] = {"name": one.name, "annotations": {annotation: one.name}}
    if namespace != ROOT_NAMESPACE:
        metadata["namespace"] = namespace
    spec: dict[str, Any] = {
        "title": _cut(entry.title, _TITLE),
        "summary": _cut(entry.summary or entry.title, _TEXT),
        "stage": "idea",
        "intake": {"facts": {name: _plain(value) for name, value in sorted(entry.facts.items())}},
    }
    if entry.expected_users is not None:
        spec["expected_users"] = entry.expected_users
    document = {"apiVersion": API_VERSION, "kind": "UseCase", "metadata": metadata, "spec": spec}
    missing = _missing(one)
    comments = [
        f"From inventory-entry/{one.name}, list {entry.list_name}. Missing before it can be called:",
        *(f"- {line}" for line in missing),
    ]
    head = "".join(f"# {' '.join(line.split())}\n" for line in comments)
    return Promotion(head + manifest.source_text([("", document)]), document, missing)


def _missing(one: Assessed) -> tuple[str, ...]:
    entry = one.entry
    goal = f" The list says: {entry.outcome}" if entry.outcome else ""
    lines = [
        f"`outcome:` declare an outcome with owner, metric, baseline and target, and name it here.{goal}"
    ]
    if entry.owners:
        named = "; ".join(f"{side}: {who}" for side, who in entry.owners.items())
        lines.append(f"`owners:` declare these people and name them: {named}")
    else:
        lines.append("`owners:` the list names nobody; name owner and deputy of each side.")
    if entry.stage not in {None, "idea"}:
        lines.append(
            f"`stage:` the list says {entry.stage}; here it begins as an idea, until it is approved."
        )
    lines += [f"`intake.facts.{each.fact}:` {each.text}" for each in one.judged.questions]
    lines += [f"evidence: {gap.what}" for gap in one.gaps if gap.kind in {"check", "evidence"}]
    return tuple(lines)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1].rstrip() + "…"
