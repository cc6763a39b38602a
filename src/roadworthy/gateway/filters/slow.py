"""Pure: filters that take longer than a turn of the event loop: the classifier, and guard models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from roadworthy.gateway.snapshot import GuardModelEntry

if TYPE_CHECKING:
    from roadworthy.gateway.filter_rules import Rule

TIMEOUT_S = 1.5


class SlowCheck(msgspec.Struct, frozen=True):
    """A check of a request that runs before the first attempt, off the loop.

    Exactly one of `threshold` (the classifier flags from this score on) and `model` (a guard model, asked
    through the gateway) is set.
    """

    filter: str
    action: str
    on_error: str
    threshold: float | None = None
    model: GuardModelEntry | None = None
    timeout_s: float = TIMEOUT_S


def slow_checks(rules: Sequence[Rule]) -> tuple[SlowCheck, ...]:
    """Return the slow checks among rules; they read requests only."""
    found: list[SlowCheck] = []
    for rule in rules:
        if not rule.input:
            continue
        if rule.entry.classifier is not None:
            found.append(SlowCheck(rule.filter, rule.input, rule.on_error, threshold=rule.entry.classifier))
        if rule.entry.guard_model is not None:
            found.append(SlowCheck(rule.filter, rule.input, rule.on_error, model=rule.entry.guard_model))
    return tuple(found)


def question(check: SlowCheck, texts: Sequence[str]) -> list[dict[str, str]]:
    """Return the messages that a guard model is asked with; the newest text counts most."""
    assert check.model is not None
    said = "\n\n".join(texts)[-check.model.chars_max :]
    return [{"role": "system", "content": check.model.instruction}, {"role": "user", "content": said}]


def flagged(check: SlowCheck, answer: str) -> bool:
    """Does a guard model's answer say that something is found?"""
    assert check.model is not None
    return check.model.flagged_when.lower() in answer.lower()
