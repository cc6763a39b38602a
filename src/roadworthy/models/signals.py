"""Signals of models and providers: whether all that is called is declared, and what the contracts say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from roadworthy.controls import uploads
from roadworthy.controls.collecting import Asked, declared
from roadworthy.controls.piece import signals_of
from roadworthy.controls.signal import Signal
from roadworthy.foundation.storage.database import Tx
from roadworthy.models.kinds import MODEL, PROVIDER, ROUTE, Provider
from roadworthy.models.route import Route
from roadworthy.usage import reach
from roadworthy.use_cases.kinds import UseCase

WINDOW = timedelta(days=30)
REVIEWED = "providers_reviewed"


@dataclass(frozen=True, slots=True)
class Supply:
    """What is declared of models, routes and providers at one moment."""

    models: Mapping[str, str]
    """Model -> its provider."""
    routes: Mapping[str, Route]
    providers: Mapping[str, Provider]

    def models_of(self, spec: UseCase) -> set[str]:
        """Return the models a use case can reach, declared or not: by name, or by any way of its routes."""
        found = set(spec.models)
        for name in spec.routes:
            if (route := self.routes.get(name)) is not None:
                found |= set(route.models)
                found |= {one.model for one in (route.canary, route.shadow) if one is not None}
        return found

    def providers_of(self, spec: UseCase) -> set[str]:
        """Return the providers it can reach."""
        return {self.models[one] for one in self.models_of(spec) if one in self.models}


def supply(tx: Tx, asked: Asked) -> Supply:
    """Read what is declared at the moment that is asked about."""
    return Supply(
        {one.name: one.spec.provider for one in declared(tx, MODEL, asked)},
        {one.name: one.spec for one in declared(tx, ROUTE, asked)},
        {one.name: one.spec for one in declared(tx, PROVIDER, asked)},
    )


def collect(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say of each use case what it can reach, what it reached, and on which terms."""
    known = supply(tx, asked)
    strange: dict[str, int] = {}
    for one in reach.reached(tx, since=asked.now - WINDOW, until=asked.now, use_cases=asked.few):
        if one.model and one.model not in known.models:
            strange[one.use_case] = strange.get(one.use_case, 0) + one.calls
    reviews = _reviews(tx, asked, known)
    found: dict[str, list[Signal]] = {}
    for name, resource in asked.use_cases.items():
        spec = resource.spec
        providers = known.providers_of(spec)
        found[name] = [
            asked.live("unregistered_targets", _undeclared(known, spec), "what is declared"),
            asked.live("unregistered_calls", strange.get(name, 0), "the records of 30 days"),
            *_terms(asked, known, providers),
            *_reviewed(providers, reviews),
        ]
    return found


def _undeclared(known: Supply, spec: UseCase) -> int:
    models = sum(one not in known.models for one in known.models_of(spec))
    return models + sum(one not in known.routes for one in spec.routes)


def _terms(asked: Asked, known: Supply, providers: set[str]) -> list[Signal]:
    """Say what the declared terms of its providers are; nothing where it can reach none."""
    if not providers:
        return []
    specs = {name: known.providers[name] for name in sorted(providers) if name in known.providers}
    terms = {name: one.data_terms for name, one in specs.items()}
    open_ = [
        name
        for name, said in terms.items()
        if said is None or said.keeps_days is None or not said.contract or not specs[name].region
    ]
    source = f"what {', '.join(open_)} declares" if open_ else "what is declared of its providers"
    found = [asked.live("provider_terms_complete", not open_ and len(specs) == len(providers), source)]
    if all(said is not None for said in terms.values()):
        training = [name for name, said in terms.items() if said is not None and said.trains_on_data]
        source = f"the terms of {', '.join(training)}" if training else "the terms of its providers"
        found.append(asked.live("providers_training_on_data", len(training), source))
    return found


def _reviews(tx: Tx, asked: Asked, known: Supply) -> dict[str, Signal]:
    """Return the newest review of each provider that was not taken back."""
    found: dict[str, Signal] = {}
    about = [f"provider/{name}" for name in known.providers]
    for piece in uploads.pieces(tx, about=about, as_of=asked.as_of):
        name = piece.fact.about.partition("/")[2]
        if piece.withdrawn is not None:
            continue
        for one in signals_of(piece.recorded):
            if one.name == REVIEWED and (name not in found or found[name].at <= one.at):
                found[name] = one
    return found


def _reviewed(providers: set[str], reviews: Mapping[str, Signal]) -> list[Signal]:
    """Say that all its providers were reviewed, as fresh as the oldest of the reviews."""
    if not providers or not all(one in reviews for one in providers):
        return []
    held = [reviews[one] for one in sorted(providers)]
    oldest = min(held, key=lambda one: one.at)
    ends = [one.expires_at for one in held if one.expires_at is not None]
    return [
        Signal(
            REVIEWED,
            all(bool(one.value) for one in held),
            oldest.at,
            f"the reviews of {', '.join(sorted(providers))}",
            any(one.self_attested for one in held),
            oldest.evidence,
            min(ends, default=None),
        )
    ]
