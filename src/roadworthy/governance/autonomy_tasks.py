"""Pure: what autonomy asks of people: drafts to decide, and levels that were earned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from roadworthy.drafts.draft import Figures, Queue
from roadworthy.governance.autonomy import Level
from roadworthy.governance.estate import Estate
from roadworthy.governance.standing import Standing
from roadworthy.governance.tasks import Task
from roadworthy.identity.roles import roles_carrying


@dataclass(frozen=True, slots=True)
class Reader:
    """A person for whom tasks are listed, and what they may decide where."""

    principal: str
    estate: Estate
    now: datetime

    def may(self, permission: str, namespace: str) -> bool:
        """Say whether they hold a role that carries a permission for a unit."""
        return any(
            self.principal in self.estate.holders(role, namespace, now=self.now)
            for role in roles_carrying(permission)
        )

    def holds_anywhere(self, permission: str) -> bool:
        """Say whether they hold such a role at all: for nobody else the figures have to be read."""
        held = {one.role for one in self.estate.staff.roles.by_subject.get(self.principal, ())}
        return bool(held.intersection(roles_carrying(permission)))


def tasks(
    reader: Reader,
    standings: Iterable[Standing],
    *,
    queues: Mapping[str, Queue],
    earned: Mapping[str, tuple[Level, Figures]],
) -> Iterator[Task]:
    """Yield what waits for a person in use cases that are not stopped."""
    for one in standings:
        if one.stage == "stopped" or one.tier.tier == "prohibited":
            continue
        queue, proposal = queues.get(one.use_case), earned.get(one.use_case)
        if queue is not None and reader.may("draft.decide", one.namespace):
            yield _decide(one, queue)
        if (
            proposal is not None
            and reader.principal not in one.authors
            and reader.may("autonomy.decide", one.namespace)
        ):
            yield _raise(one, *proposal)


def _decide(one: Standing, queue: Queue) -> Task:
    waits = (
        (queue.withheld, "answer waits", "answers wait", "to be released"),
        (queue.samples, "sample waits", "samples wait", "to be reviewed"),
    )
    said = [
        f"{count} {single if count == 1 else many} {what}" for count, single, many, what in waits if count
    ]
    return Task(
        kind="draft",
        use_case=one.use_case,
        title=one.title,
        what=f"{one.title}: {' and '.join(said)}",
        why=f"The first waits since {queue.since:%Y-%m-%d %H:%M} UTC.",
        action="Decide",
        href=f"/drafts?use_case={one.use_case}",
        command=f"roadworthy draft list --use-case {one.use_case}",
    )


def _raise(one: Standing, level: Level, figures: Figures) -> Task:
    low, _ = figures.interval
    return Task(
        kind="raise",
        use_case=one.use_case,
        title=one.title,
        what=f"{one.title} has earned `{level}`",
        why=f"People took {figures.accepted} of {figures.decided} answers as they were, {low or 0:.1%} at "
        "least. It goes on as it is until somebody raises it.",
        action="Decide",
        href=f"/use-cases/{one.use_case}#autonomy",
        command=f'roadworthy autonomy raise {one.ref} --to {level} --reason "Why"',
    )
