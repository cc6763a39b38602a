"""Compares the files of evidence with the hashes that the log sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from roadworthy.controls import store, uploads
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry.slice import Finding


def verify_files(tx: Tx) -> Iterator[Finding]:
    """Name every file that is missing, was altered, or belongs to no evidence."""
    sealed = {one.recorded.id: one.fact for one in uploads.pieces(tx)}
    for row in store.every(tx):
        where = f"evidence_files {row.id}"
        fact = sealed.pop(row.id, None)
        if row.content is None:
            if fact is not None:
                yield Finding(where, "its content is gone, and its evidence was not erased")
        elif fact is None:
            yield Finding(where, "no evidence in the log names it")
        elif hashlib.sha256(row.content).hexdigest() != fact.sha256:
            yield Finding(where, "it is not the file whose hash was sealed")
        elif (row.sha256, row.size, row.subject) != (fact.sha256, fact.size, fact.about):
            yield Finding(where, "its hash, size or subject is not what was sealed")
    for missing in sealed:
        yield Finding(f"evidence_files {missing}", "the file of a piece of evidence is missing")
