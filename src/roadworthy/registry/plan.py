"""Pure: what would change if these declarations were applied, and whether a plan still holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from roadworthy.foundation.canonical import digest

Action = Literal["create", "update", "delete", "unchanged", "adopt"]
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs: None stands for absent."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource."""

    action: Action
    ref: str
    kind: str
    name: str
    document: dict[str, Any] | None
    generation: int
    """The generation this was planned on; 0 where nothing was stored."""
    managed_by: str
    source: str
    fields: tuple[FieldChange, ...] = ()
    effects: tuple[str, ...] = ()
    """What follows from the change beyond the declaration itself, said by the slices it concerns."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A set of changes and everything they were decided on."""

    base_revision: int
    made_at: datetime
    changes: tuple[Change, ...]
    pins: Mapping[str, int] = field(default_factory=dict)
    """Generation of every resource the plan read, 0 for absent."""

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change nothing."""
        return all(change.action == "unchanged" for change in self.changes)


@dataclass(frozen=True, slots=True)
class Moved:
    """Something a plan was decided on that has changed since."""

    ref: str
    planned_generation: int
    generation: int
    changed_by: str = ""
    changed_at: datetime | None = None
    fields: tuple[FieldChange, ...] = ()

    def sentence(self) -> str:
        """Say what moved: from which version to which, by whom, and the first fields that differ."""
        when = f" at {self.changed_at:%Y-%m-%d %H:%M:%S} UTC" if self.changed_at else ""
        text = (
            f"{self.ref} was at generation {self.planned_generation or 'none'} when planned and is at "
            f"{self.generation or 'none'} now, changed by {self.changed_by or 'somebody'}{when}."
        )
        if self.fields:
            shown = "; ".join(
                f"{one.path}: {_short(one.before)} → {_short(one.after)}" for one in self.fields[:MOVED_SHOWN]
            )
            more = len(self.fields) - MOVED_SHOWN
            text += f" What moved: {shown}" + (f"; and {more} more." if more > 0 else ".")
        return text


MOVED_SHOWN = 5
_VALUE_SHOWN = 60


def _short(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _VALUE_SHOWN else text[: _VALUE_SHOWN - 1] + "…"


def compare(before: Any, after: Any, path: str = "") -> list[FieldChange]:
    """List the fields that differ between two JSON values, depth first, in order."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: list[FieldChange] = []
        for key in [*before, *(key for key in after if key not in before)]:
            inner = f"{path}.{key}" if path else key
            found.extend(compare(before.get(key), after.get(key), inner))
        return found
    if isinstance(before, list) and isinstance(after, list) and before != after:
        found = []
        for place in range(max(len(before), len(after))):
            old = before[place] if place < len(before) else None
            new = after[place] if place < len(after) else None
            found.extend(compare(old, new, f"{path}[{place}]"))
        return found
    # 1 and True, or 1 and 1.0, are equal to Python and different to a reader of the declaration.
    if before == after and type(before) is type(after):
        return []
    return [FieldChange(path, before, after)]


def moved(pins: Mapping[str, int], current: Mapping[str, Moved]) -> list[Moved]:
    """Return what stands at another generation than it was planned on."""
    return [current[ref] for ref in sorted(pins) if ref in current and current[ref].generation != pins[ref]]


def to_json(plan: Plan) -> dict[str, Any]:
    """Write a plan as a document that carries its own digest."""
    body: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "base_revision": plan.base_revision,
        "made_at": plan.made_at.isoformat(),
        "pins": dict(plan.pins),
        "changes": [
            {
                "action": change.action,
                "ref": change.ref,
                "kind": change.kind,
                "name": change.name,
                "generation": change.generation,
                "managed_by": change.managed_by,
                "source": change.source,
                "document": change.document,
                "fields": [
                    {"path": one.path, "before": one.before, "after": one.after} for one in change.fields
                ],
                "effects": list(change.effects),
            }
            for change in plan.changes
        ],
    }
    return {**body, "digest": digest(body)}


def digest_holds(body: Mapping[str, Any]) -> bool:
    """Say whether a plan document is the one that was written."""
    return digest({key: value for key, value in body.items() if key != "digest"}) == body.get("digest")


def summary(changes: Sequence[Change] | Iterable[Change]) -> str:
    """Say a plan in one line: `2 to create, 1 to update, 3 unchanged`."""
    words = {
        "create": "to create", "update": "to update", "delete": "to delete",
        "adopt": "to change owner", "unchanged": "unchanged",
    }  # fmt: skip
    counts = dict.fromkeys(words, 0)
    for change in changes:
        counts[change.action] += 1
    said = [f"{count} {words[action]}" for action, count in counts.items() if count]
    return ", ".join(said) or "nothing to do"
