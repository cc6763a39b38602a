"""Rules and requirements as dated data files, read once and checked as they are read."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.governance.conditions import FactDefinition, Vocabulary, parse
from roadworthy.governance.rulebook import Pack, Rulebook, TierNeeds
from roadworthy.governance.tier import Rule, Tier

HERE = Path(__file__).parent
VOCABULARY_FILE = "vocabulary.yaml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _FactFile(_Strict):
    kind: Literal["set", "bool", "int", "num", "ord"]
    question: str
    values: tuple[str, ...] = ()


class _VocabularyFile(_Strict):
    version: str
    hierarchy: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    facts: dict[str, _FactFile]


class _RuleFile(_Strict):
    id: str
    title: str
    tier: Tier
    when: dict[str, Any]
    because: str = ""


class _PackFile(_Strict):
    name: str
    title: str
    version: str
    review_by: date
    rules: tuple[_RuleFile, ...]


class _RequirementsFile(_Strict):
    version: str
    tiers: dict[Tier, TierNeeds]


def read_vocabulary(text: str) -> Vocabulary:
    """Read a vocabulary file."""
    file = _VocabularyFile.model_validate(yaml.safe_load(text))
    facts = {
        name: FactDefinition(name, one.kind, one.question, one.values) for name, one in file.facts.items()
    }
    return Vocabulary(facts, file.hierarchy)


def read_pack(text: str, vocabulary: Vocabulary) -> Pack:
    """Read a pack; a rule that cannot be meant is an error that names it."""
    file = _PackFile.model_validate(yaml.safe_load(text))
    rules = []
    for one in file.rules:
        try:
            rules.append(Rule(one.id, one.title, one.tier, parse(one.when, vocabulary), one.because))
        except ValueError as error:
            raise ValueError(f"pack {file.name}, rule {one.id}: {error}") from error
    if len({rule.id for rule in rules}) < len(rules):
        raise ValueError(f"pack {file.name}: two rules have the same id")
    return Pack(file.name, file.title, file.version, file.review_by, tuple(rules))


@cache
def rulebook(folder: Path = HERE) -> Rulebook:
    """Read the vocabulary and every pack of a folder, and the requirements beside it."""
    vocabulary = read_vocabulary((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
    packs = tuple(
        read_pack(path.read_text(encoding="utf-8"), vocabulary)
        for path in sorted(folder.glob("*.yaml"))
        if path.name != VOCABULARY_FILE
    )
    text = (folder.parent / "requirements.yaml").read_text(encoding="utf-8")
    requirements = _RequirementsFile.model_validate(yaml.safe_load(text))
    named = ", ".join(f"{pack.name} {pack.version}" for pack in packs)
    return Rulebook(vocabulary, packs, requirements.tiers, f"{named}, requirements {requirements.version}")
