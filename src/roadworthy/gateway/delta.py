"""Pure: one change to a snapshot, and the snapshot after it; what did not change is shared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import msgspec

from roadworthy.gateway.snapshot import GrantEntry, Index, KeyEntry, Snapshot, newest_first

MANY: frozenset[str] = frozenset({"keys", "principals", "grants", "blocks"})
"""What there are a hundred thousand of; the rest of a snapshot is looked up by its name alone."""
_INDEXED = frozenset({"grants", "keys", "keys_of", "revision", "rules", "snapshot", "targets"})
_HEAD = frozenset({"revision", "compiled_at"})


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is new or different (`put`), what is gone (`drop`), which parts are said in full (`whole`).

    Grants stand under their use case: `drop["grants"]` names the use cases whose grants `put` replaces.
    """

    put: Snapshot
    drop: dict[str, tuple[str, ...]] = {}
    whole: tuple[str, ...] = ()

    @property
    def revision(self) -> int:
        """The revision the snapshot has afterwards."""
        return self.put.revision


def advance(index: Index, delta: Delta) -> Index:
    """Return the index after a change: a new one, the one before stays as it was."""
    touched = {name for name in Snapshot.__struct_fields__ if _touches(delta, name)}
    # An index that has learnt to hold more is built anew: slower, never wrong.
    if touched <= MANY and _INDEXED.issuperset(Index.__slots__):
        return _advance_many(index, delta, touched)
    return Index(merge(index.snapshot, delta))


def _touches(delta: Delta, name: str) -> bool:
    if name in _HEAD:
        return False
    return name in delta.whole or bool(delta.drop.get(name)) or bool(getattr(delta.put, name))


def merge(snapshot: Snapshot, *deltas: Delta) -> Snapshot:
    """Return the snapshot after some changes; each part is copied once, however many they are."""
    fields: dict[str, Any] = {}
    for delta in deltas:
        for name in Snapshot.__struct_fields__:
            if not _touches(delta, name):
                continue
            new, gone = getattr(delta.put, name), delta.drop.get(name, ())
            if name == "grants":
                if name not in fields:
                    fields[name] = _by_use_case(snapshot.grants)
                held = {} if name in delta.whole else fields[name]
                fields[name] = held
                for one in gone:
                    held.pop(one, None)
                held.update(_by_use_case(new))
            elif name in delta.whole:
                fields[name] = dict(new) if isinstance(new, dict) else new
            else:
                held = fields.setdefault(name, None) or dict(getattr(snapshot, name))
                fields[name] = held
                for one in gone:
                    held.pop(one, None)
                held.update(new)
    if "grants" in fields:
        fields["grants"] = tuple(chain.from_iterable(fields["grants"].values()))
    if deltas:
        put = deltas[-1].put
        fields |= {"revision": put.revision, "compiled_at": put.compiled_at}
    return msgspec.structs.replace(snapshot, **fields)


def _by_use_case(grants: Iterable[GrantEntry]) -> dict[str, tuple[GrantEntry, ...]]:
    found: dict[str, tuple[GrantEntry, ...]] = {}
    for grant in grants:
        found[grant.use_case] = (*found.get(grant.use_case, ()), grant)
    return found


def merged(old: Mapping[str, Any], new: Mapping[str, Any], gone: Iterable[str]) -> dict[str, Any]:
    """Return a dict with some entries exchanged: one copy of pointers, a millisecond for 100,000."""
    made = dict(old)
    for name in gone:
        made.pop(name, None)
    made.update(new)
    return made


def _advance_many(index: Index, delta: Delta, touched: set[str]) -> Index:
    snapshot, put, drop = index.snapshot, delta.put, delta.drop
    changed: dict[str, Any] = {}
    for name in touched - {"grants"}:
        old = {} if name in delta.whole else getattr(snapshot, name)
        changed[name] = merged(old, getattr(put, name), drop.get(name, ()))
    made = Index.__new__(Index)
    made.revision = put.revision
    made.targets = index.targets
    made.rules = index.rules
    made.keys = changed.get("keys", index.keys)
    made.keys_of = _keys_of(index, delta) if "keys" in touched else index.keys_of
    made.grants = index.grants
    if "grants" in touched:
        new = {name: newest_first(grants) for name, grants in _by_use_case(put.grants).items()}
        old_grants = {} if "grants" in delta.whole else index.grants
        made.grants = merged(old_grants, new, drop.get("grants", ()))
        changed["grants"] = tuple(chain.from_iterable(made.grants.values()))
    made.snapshot = msgspec.structs.replace(
        snapshot, revision=put.revision, compiled_at=put.compiled_at, **changed
    )
    return made


def _keys_of(index: Index, delta: Delta) -> dict[str, tuple[KeyEntry, ...]]:
    held = {} if "keys" in delta.whole else index.keys
    replaced = [held[one] for one in (*delta.put.keys, *delta.drop.get("keys", ())) if one in held]
    gone = {one.id for one in replaced}
    by_principal: dict[str, list[KeyEntry]] = {one.principal: [] for one in replaced}
    for key in delta.put.keys.values():
        by_principal.setdefault(key.principal, []).append(key)
    old = {} if "keys" in delta.whole else index.keys_of
    new, empty = {}, []
    for principal, added in by_principal.items():
        stayed = [one for one in old.get(principal, ()) if one.id not in gone]
        if both := sorted((*stayed, *added), key=lambda key: key.id):
            new[principal] = tuple(both)
        else:
            empty.append(principal)
    return merged(old, new, empty)


def chunks(snapshot: Snapshot, *, size: int = 2000) -> Iterable[Snapshot]:
    """Split a snapshot into parts small enough that writing one never holds the event loop up."""
    empty = Snapshot(snapshot.revision, snapshot.compiled_at)
    for name in Snapshot.__struct_fields__:
        if name in _HEAD:
            continue
        value = getattr(snapshot, name)
        if isinstance(value, dict):
            items = list(value.items())
            for at in range(0, len(items), size):
                yield msgspec.structs.replace(empty, **{name: dict(items[at : at + size])})
        elif isinstance(value, tuple):
            for at in range(0, len(value), size):
                yield msgspec.structs.replace(empty, **{name: value[at : at + size]})
        elif value != getattr(empty, name):
            yield msgspec.structs.replace(empty, **{name: value})


def joined(parts: Iterable[Snapshot], *, revision: int, compiled_at: str) -> Snapshot:
    """Put the parts of a snapshot together again."""
    fields: dict[str, Any] = {}
    for part in parts:
        for name in Snapshot.__struct_fields__:
            value = getattr(part, name)
            if name in _HEAD or not value:
                continue
            if isinstance(value, dict):
                fields.setdefault(name, {}).update(value)
            elif isinstance(value, tuple):
                fields.setdefault(name, []).extend(value)
            else:
                fields[name] = value
    plain: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Snapshot(revision, compiled_at, **plain)
