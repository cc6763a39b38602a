"""Pure: rules that cannot both be kept, before those who may decide which of them prevails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from roadworthy.governance.autonomy_tasks import Reader
from roadworthy.governance.standing import Standing
from roadworthy.governance.tasks import Task
from roadworthy.rules.merge import Retention, retention
from roadworthy.rules.ruling import Ruling, State

PERMISSION = "conflict.decide"


class Kept(Protocol):
    """How long records are kept, and what people decided where rules contradict each other."""

    @property
    def retention(self) -> Retention:
        """What the rules and the decisions that count come to."""

    @property
    def rulings(self) -> tuple[tuple[Ruling, State], ...]:
        """Every decision, oldest first, and how it stands."""


def torn(standings: Iterable[Standing]) -> tuple[Standing, ...]:
    """Return those, stopped and prohibited ones apart, whose rules contradict each other, decided or not."""
    return tuple(
        one
        for one in standings
        if one.stage != "stopped"
        and one.tier.tier != "prohibited"
        and retention(one.tier.decision.obligations).conflict
    )


def tasks(reader: Reader, standings: Iterable[Standing], *, kept: Mapping[str, Kept]) -> Iterator[Task]:
    """Yield each contradiction that is open and that this person may decide."""
    for one in standings:
        found = kept[one.use_case]
        if (
            found.retention.conflict
            and reader.principal not in one.authors
            and reader.may(PERMISSION, one.namespace)
        ):
            yield Task(
                kind="settle",
                use_case=one.use_case,
                title=one.title,
                what=f"Decide which rule prevails for {one.title}",
                why=f"{found.retention.conflict} Both cannot be kept.{_before(found)}",
                action="Decide",
                href=f"/use-cases/{one.use_case}/rules",
                command=f"roadworthy rules explain {one.ref}",
            )


def _before(found: Kept) -> str:
    """Say of the newest decision, if it no longer counts, whose it was and why it does not."""
    lapsed = [(ruling, state) for ruling, state in found.rulings if state in {"overtaken", "due for review"}]
    if not lapsed:
        return ""
    ruling, state = lapsed[-1]
    return f" The decision of {ruling.by} of {ruling.at:%Y-%m-%d} is {state}."
