"""Questions about identities, safe for any slice above: who there is, what they may do, which keys hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import credential, rights, store
from roadworthy.identity.credential import Credential, Type
from roadworthy.identity.kinds import (
    PERSON,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    UNIT_TREE,
    USE_CASE_HOME,
)
from roadworthy.identity.principal import Binding, Directory, Key, Principal
from roadworthy.identity.rights import Held, Rights
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.resource import Stored


def directory(tx: Tx) -> Directory:
    """Return everybody, put together anew only when somebody or something of theirs changes."""
    read = tuple(registry.held(tx, kind) for kind in (PERSON, SERVICE_ACCOUNT, ROLE_BINDING, UNIT_TREE))
    for place in (tx.memo, tx.shared):
        kept: tuple[tuple[object, ...], Directory] | None = place.get("identity.directory")
        if kept is not None and all(one is other for one, other in zip(kept[0], read, strict=True)):
            return kept[1]
    made = _directory(*read)
    # What a transaction has changed itself, it may still take back.
    (tx.memo if audit.has_appended(tx) else tx.shared)["identity.directory"] = (read, made)
    return made


def _directory(
    people: Iterable[Stored[Any]],
    accounts: Iterable[Stored[Any]],
    bound: Iterable[Stored[Any]],
    units: Iterable[Stored[Any]],
) -> Directory:
    everybody = [*map(_person, people), *map(_account, accounts)]
    bindings = tuple(
        Binding(
            name=one.name,
            subject=one.spec.subject,
            held=Held(one.spec.role, one.spec.unit, one.spec.expires_on, one.ref),
            namespace=one.namespace,
            source=one.declared_at,
        )
        for one in bound
    )
    parents = {one.name: one.spec.parent for one in units}
    return Directory({one.name: one for one in everybody}, bindings, parents)


def _person(stored: Stored[Any]) -> Principal:
    spec = stored.spec
    return Principal(
        name=stored.ref,
        kind="person",
        display=spec.display_name,
        namespace=stored.namespace,
        created_at=stored.created_at,
        changed_at=stored.updated_at,
        disabled_at=None if spec.disabled_on is None else rights.start_of(spec.disabled_on),
        source=stored.declared_at,
        email=spec.email or "",
    )


def _account(stored: Stored[Any]) -> Principal:
    spec = stored.spec
    return Principal(
        name=stored.ref,
        kind="service-account",
        display=stored.name,
        namespace=stored.namespace,
        created_at=stored.created_at,
        changed_at=stored.updated_at,
        type=spec.type,
        owner=f"person/{spec.owner}",
        purpose=spec.purpose,
        use_cases=spec.use_cases,
        expires_at=rights.start_of(spec.expires_on),
        disabled_at=stored.updated_at if spec.disabled else None,
        source=stored.declared_at,
    )


def principals(tx: Tx) -> tuple[Principal, ...]:
    """Return every person and service account, by name."""
    found = directory(tx).principals
    return tuple(found[name] for name in sorted(found))


def principal(tx: Tx, name: str) -> Principal:
    """Return one principal by `person/x` or `service-account/x`, or say that there is none."""
    found = directory(tx).principals.get(name)
    if found is None:
        raise NotFoundError(
            f"There is no `{name[:80]}`.",
            fix="`roadworthy get person` and `roadworthy get service-account` list who there is.",
        )
    return found


def bindings(tx: Tx) -> tuple[Binding, ...]:
    """Return every declared role binding, by name."""
    return directory(tx).bindings


def rights_of(tx: Tx, *, principal: str, now: datetime) -> Rights:
    """Return what a principal may do where."""
    return directory(tx).rights(principal, now=now)


def people_with_role(tx: Tx, *, role: str, namespace: str, now: datetime) -> tuple[Principal, ...]:
    """Return the enabled people who hold a role that covers a namespace, by name."""
    known = directory(tx)
    return tuple(
        one
        for one in sorted(known.people(now=now), key=lambda one: one.name)
        if role in known.rights(one.name, now=now).roles_in(namespace)
    )


def people_with_permission(
    tx: Tx, *, permission: str, namespace: str, now: datetime
) -> tuple[Principal, ...]:
    """Return the enabled people who hold a permission in a namespace, by name."""
    known = directory(tx)
    return tuple(
        one
        for one in sorted(known.people(now=now), key=lambda one: one.name)
        if known.rights(one.name, now=now).may(permission, namespace)
    )


def use_case_namespace(tx: Tx, name: str) -> str:
    """Return the unit a use case belongs to."""
    return registry.get(tx, USE_CASE_HOME, name).namespace


def keys_for_snapshot(tx: Tx) -> tuple[Key, ...]:
    """Return every gateway key that was ever issued, with what ended it."""
    known = directory(tx).principals
    return tuple(_key(row, known.get(row.principal)) for row in store.listing(tx, type_="key"))


def keys_among(tx: Tx, *, ids: Iterable[str], principals: Iterable[str]) -> tuple[Key, ...]:
    """Return the gateway keys with one of these ids, and those of these principals."""
    rows = store.among(tx, type_="key", ids=ids, principals=principals)
    known = {one.name: one for one in principals_among(tx, {row.principal for row in rows})}
    return tuple(_key(row, known.get(row.principal)) for row in rows)


def keys_without_holder(tx: Tx) -> tuple[Key, ...]:
    """Return the gateway keys whose service account is no longer declared."""
    there = {f"service-account/{name}" for name in registry.names(tx, SERVICE_ACCOUNT)}
    return tuple(_key(row, None) for row in store.listing(tx, type_="key") if row.principal not in there)


def principals_among(tx: Tx, names: Collection[str]) -> tuple[Principal, ...]:
    """Return those of these people and service accounts that there are."""
    people = [name.partition("/")[2] for name in names if name.startswith("person/")]
    accounts = [name.partition("/")[2] for name in names if name.startswith("service-account/")]
    return (
        *(_person(one) for one in registry.among(tx, PERSON, people)),
        *(_account(one) for one in registry.among(tx, SERVICE_ACCOUNT, accounts)),
    )


def _key(row: Any, account: Principal | None) -> Key:
    return Key(
        hash=row.hash,
        id=row.id,
        principal=row.principal,
        use_case=row.use_case,
        expires_at=row.expires_at,
        revoked_at=_key_ended_at(row, account),
    )


def _key_ended_at(row: Any, account: Principal | None) -> datetime | None:
    if row.ended_at is not None or account is None:
        found: datetime | None = row.ended_at
        return found
    if row.issued_at < account.created_at:
        return account.created_at  # a namesake that was deleted held this key
    if row.use_case not in account.use_cases:
        return account.changed_at  # the account is no longer for this use case
    return None


def keys_of(tx: Tx, *, account: str) -> tuple[Credential, ...]:
    """Return the gateway keys of a service account (by plain name), oldest first, without their hashes."""
    rows = store.listing(tx, type_="key", principal=f"service-account/{account}")
    return tuple(credential_of(row) for row in rows)


def all_keys(tx: Tx, *, use_cases: Collection[str] | None = None) -> tuple[Credential, ...]:
    """Return every gateway key, or those for some hundred use cases at most, oldest first."""
    return tuple(credential_of(row) for row in store.listing(tx, type_="key", use_cases=use_cases))


def tokens_of(tx: Tx, *, principal: str) -> tuple[Credential, ...]:
    """Return the API tokens of a principal, oldest first."""
    return tuple(credential_of(row) for row in store.listing(tx, type_="token", principal=principal))


def find_by_secret(tx: Tx, *, text: str, type_: Type, pepper: bytes) -> Credential | None:
    """Return the credential a secret belongs to, whether or not it still holds."""
    if not credential.well_formed(text, type_):
        return None
    hash_ = credential.keyed_hash(text, pepper=pepper)
    row = store.by_hash(tx, hash_, type_)
    return credential_of(row) if row is not None and credential.same(row.hash, hash_) else None


def find_by_id(tx: Tx, *, id_: str, type_: Type) -> Credential:
    """Return a credential by its public handle, or say that there is none."""
    row = store.by_id(tx, id_, type_) if id_.isascii() and id_.isalnum() and len(id_) == 8 else None
    if row is None:
        noun = credential.SUBJECTS[type_].replace("-", " ").replace("api", "API")
        raise NotFoundError(
            f"There is no {noun} with this id.", fix="The id is the eight characters after `rw._`."
        )
    return credential_of(row)


def belongs(found: Credential, holder: Principal) -> bool:
    """Say whether a credential was issued to this principal and not to a namesake that was deleted."""
    return found.principal == holder.name and found.issued_at >= holder.created_at


def credential_of(row: Any) -> Credential:
    """Return a row as a value without its hash."""
    return Credential(
        id=row.id,
        type=row.type,
        principal=row.principal,
        issued_at=row.issued_at,
        issued_by=row.issued_by,
        expires_at=row.expires_at,
        use_case=row.use_case,
        name=row.name,
        vouched_by=row.vouched_by,
        last_seen_at=row.last_seen_at,
        ended_at=row.ended_at,
        ended_by=row.ended_by or "",
        ended_how=row.ended_how or "",
    )
