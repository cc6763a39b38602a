"""From what a folder declares to the snapshot that its gateway decides on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

from roadworthy.foundation.errors import InvalidError, Issue
from roadworthy.gateway.compile import snapshot_of
from roadworthy.gateway.declared import parts
from roadworthy.gateway.folder import bundle as bundles
from roadworthy.gateway.folder import declarations
from roadworthy.gateway.folder.bundle import Bundle, BundleError
from roadworthy.gateway.folder.declarations import Folder, Placed
from roadworthy.gateway.folder.edge_file import EdgeKey, Vouch
from roadworthy.gateway.folder.verdict import decide_case
from roadworthy.gateway.grant_seal import without_forged
from roadworthy.gateway.snapshot import KeyEntry, Snapshot
from roadworthy.governance.estate import Declared, arrange
from roadworthy.identity.principal import Key, Principal
from roadworthy.registry.checkpoint import VerificationKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def compile_folder(directory: Path, *, revision: int, now: datetime) -> Snapshot:
    """Return what a folder lets be called, by whom."""
    folder = declarations.read(directory)
    if folder.edge.bundle is None:
        return _from_declarations(folder, revision=revision, now=now)
    if folder.by_kind or folder.edge.vouches:
        message = "A bundle is what is enforced here; nothing is declared or vouched for beside it."
        fix = "Remove the declarations and vouches, or the bundle."
        raise InvalidError(message, fix=fix, issues=[Issue(message, fix, "spec.bundle", folder.edge_source)])
    return _from_bundle(directory, folder, revision=revision, now=now)


def _from_declarations(folder: Folder, *, revision: int, now: datetime) -> Snapshot:
    everything = {kind.name: folder.by_kind.get(kind.name, ()) for kind in declarations.KINDS}
    declared = {
        one.resource.name: Declared(one.resource, 1, one.source, "file", ()) for one in everything["UseCase"]
    }
    by_kind = {kind: [one.resource for one in all_] for kind, all_ in everything.items()}
    estate = arrange(by_kind, declared=declared, said={})
    vouched = {name: vouch for vouch in folder.edge.vouches for name in vouch.use_cases}
    _refuse_unknown(folder, vouched.values(), declared)
    accounts = {
        f"service-account/{one.resource.name}": one.resource.spec.use_cases
        for one in everything["ServiceAccount"]
    }
    return snapshot_of(
        revision=revision,
        keys=[_key(one, accounts, folder) for one in folder.edge.keys],
        principals=[*map(_account, everything["ServiceAccount"]), *map(_person, everything["Person"])],
        standings=[
            decide_case(estate, one, vouch=vouched.get(name), rulebook=estate.rulebook, now=now)
            for name, one in declared.items()
        ],
        now=now,
        **parts(folder.specs),
    )


def _from_bundle(directory: Path, folder: Folder, *, revision: int, now: datetime) -> Snapshot:
    place = folder.edge.bundle
    assert place is not None
    try:
        data = (directory / place.file).read_bytes()
    except OSError as error:
        raise BundleError(f"{place.file} cannot be read: {error.strerror}.") from error
    found = open_bundle(data, VerificationKey.decode(place.key), now=now)
    _, forged = without_forged(found.snapshot, VerificationKey.decode(place.key))
    if forged:
        raise BundleError(
            f"It holds grants that are not signed by themselves ({', '.join(forged[:5])}): export it anew."
        )
    keys = (_key(one, found.accounts, folder) for one in folder.edge.keys)
    return msgspec.structs.replace(
        found.snapshot, revision=revision, keys={key.hash: _entry(key) for key in keys}
    )


def open_bundle(data: bytes, key: VerificationKey, *, now: datetime) -> Bundle:
    """Check whose signature a bundle carries before anything of it is read."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    signature, body = bundles.split(data)
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, body)
    except InvalidSignature as error:
        raise BundleError(f"Its signature is not of {key.name}: it was changed, or is another's.") from error
    return bundles.decode(body, now=now.timestamp())


def _refuse_unknown(folder: Folder, vouches: Iterable[Vouch], declared: dict[str, Declared]) -> None:
    unknown = sorted({name for vouch in vouches for name in vouch.use_cases} - declared.keys())
    if unknown:
        message = f"{folder.edge_source} vouches for {', '.join(unknown)}, which is not declared here."
        fix = "Declare it, or remove it from the vouch."
        raise InvalidError(message, fix=fix, issues=[Issue(message, fix, "spec.vouches", folder.edge_source)])


def _key(one: EdgeKey, accounts: dict[str, tuple[str, ...]], folder: Folder) -> Key:
    name = f"service-account/{one.service_account}"
    if one.use_case not in accounts.get(name, ()):
        message = f"The key {one.id} is for {name} and {one.use_case}, but {name} is not for that use case."
        fix = f"Name {one.use_case} under `use_cases` of {name}, or remove the key."
        raise InvalidError(message, fix=fix, issues=[Issue(message, fix, "spec.keys", folder.edge_source)])
    return Key(one.hash, one.id, name, one.use_case, _midnight(one.expires_on), None)


def _entry(key: Key) -> KeyEntry:
    return KeyEntry(key.id, key.principal, key.use_case, expires_at=key.expires_at.timestamp())


def _account(one: Placed) -> Principal:
    spec: Any = one.resource.spec
    return Principal(
        name=f"service-account/{one.resource.name}",
        kind="service-account",
        display=one.resource.name,
        namespace=one.resource.namespace,
        created_at=_EPOCH,
        type=spec.type,
        owner=f"person/{spec.owner}",
        expires_at=_midnight(spec.expires_on),
        disabled_at=_EPOCH if spec.disabled else None,
        source=one.source,
    )


def _person(one: Placed) -> Principal:
    spec: Any = one.resource.spec
    return Principal(
        name=f"person/{one.resource.name}",
        kind="person",
        display=spec.display_name,
        namespace=one.resource.namespace,
        created_at=_EPOCH,
        disabled_at=None if spec.disabled_on is None else _midnight(spec.disabled_on),
        source=one.source,
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
