"""Signals of kill switches: when a person last stopped what a use case rests on, and let it run again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from roadworthy.controls.collecting import Asked
from roadworthy.controls.signal import Signal
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.storage.database import Tx
from roadworthy.models.signals import supply
from roadworthy.switches import queries
from roadworthy.switches.facts import Killed


def drills(events: Iterable[Recorded[Any]]) -> dict[str, datetime]:
    """Return when a person last let run again what a person had stopped, by what it was."""
    stopped: dict[str, bool] = {}
    found: dict[str, datetime] = {}
    for one in events:
        by_person = one.actor.startswith("person/")
        if isinstance(one.fact, Killed):
            stopped[one.fact.of] = by_person
        elif stopped.pop(one.fact.of, False) and by_person:
            found[one.fact.of] = one.at
    return found


def collect(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say when stopping each use case was last practised: itself, or a route, model or provider it calls."""
    practised = drills(queries.events(tx, as_of=asked.as_of))
    if not practised:
        return {}
    known = supply(tx, asked)
    found = {}
    for name, one in asked.use_cases.items():
        refs = {
            f"use-case/{name}",
            *(f"route/{route}" for route in one.spec.routes),
            *(f"model/{model}" for model in known.models_of(one.spec)),
            *(f"provider/{provider}" for provider in known.providers_of(one.spec)),
        }
        last = max(((practised[ref], ref) for ref in refs if ref in practised), default=None)
        if last is not None:
            at, ref = last
            found[name] = [Signal("stop_drill", True, at, f"the kill switch of {ref}")]
    return found
