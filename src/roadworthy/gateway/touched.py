"""Pure: which parts of a snapshot do entries of the audit log concern?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from roadworthy.gateway import declared
from roadworthy.registry.kinds import Kind

_DECLARING = frozenset({"created", "updated", "deleted", "adopted", "rolled-back"})
_SAYING = frozenset(
    f"evidence.{one}"
    for one in (
        *("approval-given", "approval-refused", "dissent-recorded", "approval-withdrawn"),
        *("exception-requested", "exception-declined", "exception-granted", "exception-revoked"),
        *("evidence-uploaded", "evidence-withdrawn", "conflict-decided", "conflict-reopened"),
        *("autonomy-raised", "autonomy-lowered"),
    )
)
_KINDS: dict[str, Kind] = {kind.slug: kind for kind in declared.KINDS}
_FOR_PEOPLE = frozenset({"unit", "role-binding", "delegation"})
"""They say who may change or approve something: what a refusal tells people, never what is allowed."""
_KNOWN = {"service-account", "use-case", "person", "metric", "policy-pack", *_KINDS, *_FOR_PEOPLE}
_OF_VERDICTS = {name.lower(): name for name in ("Metric", "Person", "Provider", "Model", "Route")}


@dataclass(slots=True)
class Touched:
    """What has to be looked at again."""

    key_ids: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    bindings: set[str] = field(default_factory=set)
    """Role bindings: what was approved in a role counts no more without it."""
    use_cases: set[str] = field(default_factory=set)
    """By plain name."""
    units: set[str] = field(default_factory=set)
    """Units whose answers hold for the use cases in them."""
    leading_here: set[tuple[str, str]] = field(default_factory=set)
    """(kind, name): the use cases that depend on it."""
    alone: set[tuple[str, str]] = field(default_factory=set)
    """(kind, name) whose own entry is made anew."""
    all_declared: bool = False
    """Everything but keys, principals and verdicts."""
    verdicts: bool = False
    """The verdict of every use case."""
    told: bool = False
    """What refusals tell people: may follow later."""


def touched(entries: Iterable[tuple[str, str]]) -> Touched:
    """Sort (object, action) of the log; what is not known for certain is looked at in full."""
    found = Touched()
    for ref, action in entries:
        slug, _, name = ref.partition("/")
        if slug == "api-key" and not action.startswith("evidence."):
            found.key_ids.add(name)
            continue
        if slug == "service-account":
            found.accounts.add(name)
        elif slug == "use-case":
            found.use_cases.add(name)
        elif slug == "person":
            found.people.add(name)
        elif slug == "role-binding":
            found.bindings.add(name)
        elif slug == "unit":
            found.units.add(name)
        found.verdicts = found.verdicts or slug in {"gate", "policy-pack", "exclusion"}
        if slug in _OF_VERDICTS:
            found.leading_here.add((_OF_VERDICTS[slug], name))
        if slug in _KINDS:
            if _KINDS[slug].name in declared.ALONE:
                found.alone.add((_KINDS[slug].name, name))
            else:
                found.all_declared = True
        found.told = found.told or slug in _FOR_PEOPLE
        known = slug in _KNOWN
        if not known or action not in (_SAYING if slug == "use-case" else frozenset()) | _DECLARING:
            found.all_declared = True  # a stop, a secret, a kind of a later version
    return found
