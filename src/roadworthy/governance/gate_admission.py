"""What governance has to say to a gate that is declared: what it names exists, and only tightens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import get_args

from roadworthy.controls.catalogue import catalogue
from roadworthy.foundation.errors import Issue
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance.checklist import APPROVALS, shipped
from roadworthy.governance.kinds import CheckKind, Gate
from roadworthy.identity.roles import APPROVER_ROLES
from roadworthy.registry.kinds import ROOT_NAMESPACE
from roadworthy.registry.slice import Proposal
from roadworthy.rules.conditions import parse
from roadworthy.rules.queries import rulebook
from roadworthy.rules.rule import ObligationKind
from roadworthy.use_cases.ownership import SIDES
from roadworthy.use_cases.pilot import POINTS


def check_gate(tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a gate that looks at what does not exist, or that a unit puts in the place of a shipped one."""
    if proposal.after is None or not isinstance(proposal.after.spec, Gate):
        return
    gate = proposal.after.spec
    if proposal.after.name in {*shipped().gates, APPROVALS}:
        yield Issue(
            f"`{proposal.after.name}` is the name of a shipped gate.",
            f"Choose another name; `replaces: {proposal.after.name}` puts it in that one's place.",
            "metadata.name",
        )
    if gate.replaces is not None:
        yield from _replacing(gate.replaces, proposal.after.namespace)
    vocabulary = rulebook(tx).vocabulary
    for place, item in enumerate(gate.items):
        field = f"spec.items[{place}]"
        yield from _named(item.check, item.of, f"{field}.of")
        if item.skip_when is not None:
            try:
                parse(item.skip_when, vocabulary)
            except ValueError as error:
                fix = "Write it as rules do: `skip_when: {interaction: {none_of: [conversational]}}`."
                yield Issue(f"The condition cannot be read: {error}.", fix, f"{field}.skip_when")


def _replacing(name: str, namespace: str) -> Iterator[Issue]:
    if namespace != ROOT_NAMESPACE:
        yield Issue(
            f"A gate of unit/{namespace} cannot stand in for a shipped one: units only add.",
            f"Leave `replaces` out, or declare it in the namespace {ROOT_NAMESPACE}.",
            "spec.replaces",
        )
    if name not in shipped().gates:
        known = f"The shipped gates are: {', '.join(shipped().gates)}."
        yield Issue(f"There is no shipped gate called `{name}`.", known, "spec.replaces")


def _named(check: CheckKind, named: tuple[str, ...], field: str) -> Iterator[Issue]:
    known = _known()[check]
    for one in named:
        if one not in known:
            near = get_close_matches(one, known, n=1)
            fix = f"Did you mean `{near[0]}`?" if near else f"Known: {', '.join(known)}."
            yield Issue(f"There is no {check} called `{one}`.", fix, field)


def _known() -> Mapping[CheckKind, tuple[str, ...]]:
    book = catalogue()
    return {
        "tier": (),
        "volume": (),
        "pilot-test": POINTS,
        "owners": SIDES,
        "deputies": SIDES,
        "approval": tuple(sorted(APPROVER_ROLES)),
        "control": tuple(book.controls),
        "evidence": tuple(book.kinds),
        "obligation": get_args(ObligationKind),
    }
