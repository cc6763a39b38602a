"""Changes to autonomy: a draft is decided, a level is raised, and lost at once when it has to be."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from roadworthy.drafts import operations as drafts
from roadworthy.drafts.draft import Figures, Verdict
from roadworthy.drafts.facts import DraftDecided
from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import BlockedError, ForbiddenError, InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import autonomy, autonomy_figures, autonomy_measured, queries
from roadworthy.governance.autonomy import LEVELS, Level
from roadworthy.governance.facts import AutonomyLowered, AutonomyRaised
from roadworthy.governance.standing import Standing
from roadworthy.registry.actor import Actor, system


class NotEarnedError(BlockedError):
    """What was measured does not speak for the level, or the tier does not allow it."""

    code = "autonomy-not-earned"


class MayNotRaiseError(ForbiddenError):
    """A person who may not raise what they wrote or own."""

    code = "may-not-raise"


def decide_draft(
    tx: Tx,
    *,
    draft_id: str,
    verdict: Verdict,
    reason: str = "",
    changed: str | None = None,
    actor: Actor,
    now: datetime,
) -> Recorded[DraftDecided]:
    """Record a decision about a draft; what its use case may do by itself is lowered at once if need be."""
    said = drafts.decide(
        tx, draft_id=draft_id, verdict=verdict, reason=reason, changed=changed, actor=actor, now=now
    )
    lower_if_due(tx, use_case=said.fact.use_case, now=now)
    return said


def lower_if_due(tx: Tx, *, use_case: str, now: datetime) -> Recorded[AutonomyLowered] | None:
    """Lower what was earned where what people did with the answers no longer speaks for it."""
    standing = queries.standings_among(tx, [use_case], now=now).get(use_case)
    if standing is None or standing.autonomy.earned.level == "assist":
        return None
    held, figures = standing.autonomy, autonomy_figures.figures_of(tx, standing, now=now)
    level = autonomy.supported(figures, held.bars, held.earned.level)
    bar = held.bars.bar(held.earned.level)
    if level in {held.earned.level, "automate"} or bar is None:
        return None
    said = autonomy_measured.sentence(figures)[:-1]
    reason = f"{said}, and {held.earned.level} asks for {bar.share:.0%} or more"
    return _lowered(tx, standing, level, figures, reason=reason, actor=system("governance"), now=now)


def set_level(
    tx: Tx, *, use_case: str, level: Level, reason: str, actor: Actor, now: datetime
) -> Recorded[Any]:
    """Raise a use case to the next level that it has earned, or lower it to any."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    if not reason.strip():
        raise InvalidError("A decision about autonomy says why.", fix="Give a reason, in a sentence.")
    figures = autonomy_figures.figures_of(tx, standing, now=now)
    held = standing.autonomy.earned.level
    if LEVELS.index(level) > LEVELS.index(held):
        return _raised(tx, standing, level, figures, reason=reason, actor=actor, now=now)
    if level in {held, "automate"}:
        raise InvalidError(
            f"{standing.ref} has earned `{held}` already.",
            fix="Name a higher level to raise it, or a lower one to lower it.",
        )
    return _lowered(tx, standing, level, figures, reason=reason, actor=actor, now=now)


def _raised(
    tx: Tx, standing: Standing, level: Level, figures: Figures, *, reason: str, actor: Actor, now: datetime
) -> Recorded[AutonomyRaised]:
    held = standing.autonomy
    _require_other(standing, actor)
    if level == "assist" or autonomy.proposed(figures, held.bars, held.earned.level) != level:
        raise _not_earned(standing, level, figures)
    low, high = figures.interval
    fact = AutonomyRaised(
        use_case=standing.use_case,
        level=level,
        basis=held.basis,
        tier=standing.tier.tier,
        bars=autonomy.bars().version,
        reason=reason.strip(),
        until=autonomy.ends_at(level, held.bars, now),
        accepted=figures.accepted,
        edited=figures.edited,
        rejected=figures.rejected,
        low=low,
        high=high,
    )
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now, enforcement=True)


def _lowered(
    tx: Tx, standing: Standing, level: Level, figures: Figures, *, reason: str, actor: Actor, now: datetime
) -> Recorded[AutonomyLowered]:
    assert level != "automate", "nothing is above it to be lowered from"
    low, high = figures.interval
    fact = AutonomyLowered(
        use_case=standing.use_case,
        level=level,
        basis=standing.autonomy.basis,
        reason=reason.strip(),
        accepted=figures.accepted,
        edited=figures.edited,
        rejected=figures.rejected,
        low=low,
        high=high,
    )
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now, enforcement=True)


def _require_other(standing: Standing, actor: Actor) -> None:
    if not actor.principal.startswith("person/"):
        raise MayNotRaiseError(
            f"{actor.principal} is a program, and autonomy is raised by a person.",
            fix="Have a person with the role risk-approver raise it.",
        )
    why = standing.authors.get(actor.principal)
    if why is not None:
        raise MayNotRaiseError(
            f"{actor.principal} may not raise {standing.ref}.",
            why=f"Nobody decides for themselves, and {actor.principal} {why}.",
            fix="Ask another holder of the role risk-approver.",
        )


def _not_earned(standing: Standing, level: Level, figures: Figures) -> NotEarnedError:
    held = standing.autonomy
    bar = held.bars.bar(level)
    if bar is None or LEVELS.index(level) > LEVELS.index(held.ceiling):
        why = f"The tier {standing.tier.tier} is kept to `{held.ceiling}`, whatever was measured."
        return NotEarnedError(
            f"{standing.ref} cannot be raised to `{level}`.", why=why, fix="Nothing is to be done."
        )
    if autonomy.above(held.earned.level) != level:
        return NotEarnedError(
            f"{standing.ref} cannot be raised from `{held.earned.level}` to `{level}`.",
            why="It is raised one level at a time.",
            fix=f"Raise it to `{autonomy.above(held.earned.level)}` first.",
        )
    return NotEarnedError(
        f"{standing.ref} has not earned `{level}` yet.",
        why=f"{autonomy_measured.sentence(figures)} It takes {bar.reviews} decisions, and a lower end of "
        f"{bar.share:.0%} or more.",
        fix="Decide more of its drafts with `roadworthy draft list`.",
    )
