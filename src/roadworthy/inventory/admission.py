"""What the inventory has to say to a plan: an entry's facts answer questions that there are."""

from __future__ import annotations

from collections.abc import Iterator

from roadworthy.foundation.errors import Issue
from roadworthy.foundation.storage.database import Tx
from roadworthy.inventory.kinds import InventoryEntry
from roadworthy.registry.slice import Proposal
from roadworthy.rules.facts_file import problems_with
from roadworthy.rules.queries import rulebook


def check_entry(tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse an answer to no question, and an answer that its question does not take."""
    if proposal.after is None or not isinstance(proposal.after.spec, InventoryEntry):
        return
    yield from problems_with(proposal.after.spec.facts, rulebook(tx).vocabulary, where="spec.facts")
