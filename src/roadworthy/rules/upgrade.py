"""Pure: what other rules would change for use cases: tier, rules and duties, before and after, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from roadworthy.rules.decide import Decision, decide
from roadworthy.rules.rule import Tier
from roadworthy.rules.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Difference:
    """What is different for one use case."""

    use_case: str
    before: Tier
    after: Tier
    starts: tuple[str, ...]
    """Rules that fire only afterwards."""
    stops: tuple[str, ...]
    moves: tuple[str, ...]
    """Rules whose first day is now past, or no longer."""
    opens: tuple[str, ...]
    """Rules that need information only afterwards."""
    asked: tuple[str, ...]
    """Obligations asked for only afterwards, by id."""
    dropped: tuple[str, ...]
    because: tuple[str, ...]
    """Sentences that say what in the rules makes the difference."""


def differences(
    facts: Mapping[str, Mapping[str, Any]], *, before: Rulebook, after: Rulebook, as_of: date
) -> Iterator[Difference]:
    """Yield the use cases for which something changes, and nothing else."""
    for name in sorted(facts):
        old = decide(facts[name], rulebook=before, as_of=as_of)
        new = decide(facts[name], rulebook=after, as_of=as_of)
        found = difference(name, old, new)
        if found is not None:
            yield found


def difference(use_case: str, old: Decision, new: Decision) -> Difference | None:
    """Return what differs between two decisions of one use case, or None."""
    fired = {*old.fires_now, *old.fires_later}, {*new.fires_now, *new.fires_later}
    duties = {one.id for one in old.obligations}, {one.id for one in new.obligations}
    both = fired[0] & fired[1]
    found = Difference(
        use_case=use_case,
        before=old.tier,
        after=new.tier,
        starts=tuple(sorted(fired[1] - fired[0])),
        stops=tuple(sorted(fired[0] - fired[1])),
        moves=tuple(sorted(one for one in both if (one in old.fires_now) != (one in new.fires_now))),
        opens=tuple(sorted(set(new.needs_info) - set(old.needs_info))),
        asked=tuple(sorted(duties[1] - duties[0])),
        dropped=tuple(sorted(duties[0] - duties[1])),
        because=(),
    )
    parts = (found.starts, found.stops, found.moves, found.opens, found.asked, found.dropped)
    if found.before == found.after and not any(parts):
        return None
    return _explained(found, old.rulebook, new.rulebook)


def _explained(found: Difference, before: Rulebook, after: Rulebook) -> Difference:
    touched = dict.fromkeys((*found.starts, *found.stops, *found.moves, *found.opens))
    because = [_why(rule, before, after) for rule in touched]
    if found.before != found.after and not because:
        changed = [
            rule.id
            for rule in after.rules
            if rule.id in before.by_id and before.by_id[rule.id].tier_effect != rule.tier_effect
        ]
        because += [_why(rule, before, after) for rule in changed]
    return Difference(
        found.use_case,
        found.before,
        found.after,
        found.starts,
        found.stops,
        found.moves,
        found.opens,
        found.asked,
        found.dropped,
        tuple(because),
    )


def _why(rule: str, before: Rulebook, after: Rulebook) -> str:
    old, new = before.by_id.get(rule), after.by_id.get(rule)
    if old is None and new is not None:
        return f"{rule} is new in {new.pack}: {new.title}."
    if new is None:
        return f"{rule} is no longer in any pack."
    assert old is not None
    said = []
    if old.when != new.when:
        said.append("its condition changed")
    if old.applies_from != new.applies_from:
        said.append(f"it applies from {new.applies_from}, not {old.applies_from}")
    if old.tier_effect != new.tier_effect:
        said.append(f"its tier is {new.tier_effect}, not {old.tier_effect}")
    if old.legal_status != new.legal_status:
        said.append(f"it is {new.legal_status}, not {old.legal_status}")
    return f"{rule}: {', '.join(said) or 'its facts changed'}."
