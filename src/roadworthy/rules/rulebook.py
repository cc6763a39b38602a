"""Pure: all that is decided by: the facts there are, the packs of rules over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from roadworthy.rules.compiled import Compiled
from roadworthy.rules.conditions import FactDefinition, Vocabulary, facts_of
from roadworthy.rules.rule import Pack, Rule


@dataclass(frozen=True, eq=False)
class Rulebook:
    """The vocabulary and the packs over it; the same packs are read to the same object."""

    vocabulary: Vocabulary
    packs: tuple[Pack, ...]

    @cached_property
    def version(self) -> str:
        """Name the content: `eu 1.0.0, house 1.0.0`."""
        return ", ".join(f"{pack.name} {pack.version}" for pack in self.packs)

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """Return the rules of all packs."""
        return tuple(rule for pack in self.packs for rule in pack.rules)

    @cached_property
    def by_id(self) -> dict[str, Rule]:
        """Return the rules by id."""
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def compiled(self) -> Compiled:
        """Return the rules as programs, made once."""
        return Compiled(self.rules, self.vocabulary)

    @cached_property
    def touches(self) -> dict[str, tuple[str, ...]]:
        """Return for each fact the rules that ask for it, in their conditions or those of their duties."""
        found: dict[str, list[str]] = {name: [] for name in self.vocabulary.facts}
        for rule in self.rules:
            conditions = [rule.when, *(duty.condition for duty in rule.duties if duty.condition is not None)]
            for name in dict.fromkeys(name for one in conditions for name in facts_of(one)):
                found[name].append(rule.id)
        return {name: tuple(ids) for name, ids in found.items()}

    @cached_property
    def asked(self) -> tuple[FactDefinition, ...]:
        """Return the facts that some rule asks for: the questions worth a person's time."""
        return tuple(one for name, one in self.vocabulary.facts.items() if self.touches[name])
