"""The shipped packs of rules as dated data files, read once and checked as they are read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from roadworthy.rules.conditions import Vocabulary
from roadworthy.rules.fixtures import Fixture
from roadworthy.rules.pack_file import FixtureEntry, fixture, pack_of, vocabulary_of
from roadworthy.rules.rule import Pack
from roadworthy.rules.rulebook import Rulebook

HERE = Path(__file__).parent
VOCABULARY_FILE = "vocabulary.yaml"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times quicker, where libyaml is there


def load(text: str) -> Any:
    """Read YAML as data alone."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  # both loaders are safe ones


def read_vocabulary(text: str) -> Vocabulary:
    """Read a vocabulary file."""
    return vocabulary_of(load(text))


def read_pack(text: str, vocabulary: Vocabulary, *, own: bool = False) -> Pack:
    """Read a pack; a rule that cannot be meant is an error that names it."""
    return pack_of(load(text), vocabulary, own=own)


def read_fixtures(text: str) -> list[Fixture]:
    """Read the fixtures of a shipped pack: rule -> facts and what it says of them."""
    return [
        fixture(rule, FixtureEntry.model_validate(one))
        for rule, entries in load(text).items()
        for one in entries
    ]


def shipped_fixtures(folder: Path = HERE) -> dict[str, list[Fixture]]:
    """Read the fixtures of every shipped pack, by pack."""
    return {
        path.stem: read_fixtures(path.read_text(encoding="utf-8"))
        for path in sorted((folder / "fixtures").glob("*.yaml"))
    }


@cache
def shipped(folder: Path = HERE) -> Rulebook:
    """Read the vocabulary and every pack of a folder."""
    vocabulary = read_vocabulary((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
    packs = tuple(
        read_pack(path.read_text(encoding="utf-8"), vocabulary)
        for path in sorted(folder.glob("*.yaml"))
        if path.name != VOCABULARY_FILE
    )
    return Rulebook(vocabulary, packs)
