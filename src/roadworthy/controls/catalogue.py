"""The control catalogue, the vocabulary of signals and the kinds of evidence, read once from data files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.controls.control import FRAMEWORKS, Control
from roadworthy.controls.signal import SignalDefinition
from roadworthy.foundation.errors import NotFoundError
from roadworthy.rules.conditions import FactDefinition, Vocabulary, facts_of, parse
from roadworthy.rules.rule import TIERS, Tier

HERE = Path(__file__).parent
Side = Literal["business", "product", "platform", "security_legal", "operations"]
Reader = Literal["eval-log", "metrics", "junit", "sarif"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _SignalFile(_Strict):
    kind: Literal["set", "bool", "int", "num", "ord"]
    question: str
    unit: str = ""
    values: tuple[str, ...] = ()
    collector: str = ""


class _SignalsFile(_Strict):
    version: str
    signals: dict[str, _SignalFile]


class EvidenceKind(_Strict):
    """A kind of evidence from outside: what it says, what it may say, under what it is filed."""

    title: str
    says: dict[str, Any] = Field(default_factory=dict)
    answers: tuple[str, ...] = ()
    reads: tuple[Reader, ...] = ()
    figures: dict[str, str] = Field(default_factory=dict)
    """Signal -> the figure of a file that it is read from, where that has another name."""
    about: tuple[Literal["use-case", "unit", "provider", "person"], ...] = ("use-case",)
    valid_days: int = Field(default=365, ge=1, le=3650)

    @property
    def signals(self) -> tuple[str, ...]:
        """Return every signal it may say."""
        return (*self.says, *self.answers)


class _KindsFile(_Strict):
    version: str
    kinds: dict[str, EvidenceKind]


class _SelfAttested(_Strict):
    not_enough_for_tiers: frozenset[str]


class _ControlFile(_Strict):
    id: str = Field(pattern=r"^C[0-9]{2}$")
    area: str
    title: str
    question: str
    holds_when: dict[str, Any]
    fresh_days: int | None = Field(default=None, ge=1)
    after_change: bool = False
    change_grace_days: int = Field(default=0, ge=0)
    independent: bool = False
    owner: Side
    nist: tuple[str, ...] = ()
    iso: tuple[str, ...] = ()
    eu: tuple[str, ...] = ()
    owasp: tuple[str, ...] = ()
    atlas: tuple[str, ...] = ()


class _CatalogueFile(_Strict):
    version: str
    self_attested: _SelfAttested
    baseline: dict[Tier, tuple[str, ...]]
    controls: tuple[_ControlFile, ...]


@dataclass(frozen=True, slots=True)
class ControlCatalogue:
    """Every control by id, every signal by name, every kind of evidence."""

    version: str
    controls: Mapping[str, Control]
    signals: Mapping[str, SignalDefinition]
    kinds: Mapping[str, EvidenceKind]
    vocabulary: Vocabulary
    baselines: Mapping[str, frozenset[str]]
    """Tier -> what is asked of every use case of it, whatever rules fire."""

    def baseline(self, tier: str) -> frozenset[str]:
        """Return what is asked of every use case of a tier, whatever rules fire."""
        return self.baselines.get(tier, frozenset())

    @property
    def areas(self) -> tuple[str, ...]:
        """Return the areas in the catalogue's order."""
        return tuple(dict.fromkeys(one.area for one in self.controls.values()))

    def get(self, control: str) -> Control:
        """Return a control, or say that there is none."""
        found = self.controls.get(control.upper())
        if found is None:
            raise NotFoundError(
                f"There is no control `{control[:40]}`.", fix="`roadworthy controls list` lists them."
            )
        return found


@cache
def catalogue(folder: Path = HERE) -> ControlCatalogue:
    """Read the three files of a folder; what cannot be meant is a ValueError that names it."""
    kinds = _KindsFile.model_validate(_read(folder, "evidence_kinds.yaml")).kinds
    signals = _SignalsFile.model_validate(_read(folder, "signals.yaml")).signals
    says: dict[str, list[str]] = {}
    for name, kind in kinds.items():
        for signal in kind.signals:
            if signal not in signals:
                raise ValueError(f"evidence kind {name}: there is no signal {signal}")
            says.setdefault(signal, []).append(name)
    definitions = {
        name: SignalDefinition(
            name, one.kind, one.question, one.unit, one.values, one.collector, tuple(says.get(name, ()))
        )
        for name, one in signals.items()
    }
    if nobody := [name for name, one in definitions.items() if not one.collector and not one.evidence]:
        raise ValueError(f"nothing says {', '.join(nobody)}")
    vocabulary = Vocabulary(
        {name: FactDefinition(name, one.kind, one.question, one.values) for name, one in signals.items()}
    )
    file = _CatalogueFile.model_validate(_read(folder, "catalogue.yaml"))
    controls = {one.id: _control(one, file, definitions, vocabulary) for one in file.controls}
    if len(controls) < len(file.controls):
        raise ValueError("two controls have the same id")
    return ControlCatalogue(
        file.version, controls, definitions, kinds, vocabulary, _baselines(file.baseline, controls)
    )


def _baselines(
    added: Mapping[Tier, tuple[str, ...]], known: Mapping[str, Control]
) -> dict[str, frozenset[str]]:
    """Add each tier's own to those of the tiers below it."""
    found: dict[str, frozenset[str]] = {}
    held: frozenset[str] = frozenset()
    for tier in TIERS:
        held = found[tier] = held | frozenset(added.get(tier, ()))
    if strange := sorted(held - known.keys()):
        raise ValueError(f"the baseline names {', '.join(strange)}, which are no controls")
    return found


def _read(folder: Path, name: str) -> Any:
    return yaml.safe_load((folder / name).read_text(encoding="utf-8"))


def _control(
    one: _ControlFile,
    file: _CatalogueFile,
    definitions: Mapping[str, SignalDefinition],
    vocabulary: Vocabulary,
) -> Control:
    try:
        condition = parse(one.holds_when, vocabulary)
    except ValueError as error:
        raise ValueError(f"control {one.id}: {error}") from error
    return Control(
        id=one.id,
        area=one.area,
        title=one.title,
        question=one.question,
        condition=condition,
        vocabulary=vocabulary,
        definitions={name: definitions[name] for name in facts_of(condition)},
        owner=one.owner,
        fresh=None if one.fresh_days is None else timedelta(days=one.fresh_days),
        after_change=one.after_change,
        change_grace=timedelta(days=one.change_grace_days),
        own_word_not_enough=file.self_attested.not_enough_for_tiers if one.independent else frozenset(),
        references={name: numbers for name in FRAMEWORKS if (numbers := getattr(one, name))},
    )
