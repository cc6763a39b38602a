"""Changes to credentials: keys, tokens, sign-in links, sessions; and the first administrator."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from roadworthy.foundation.errors import ConflictError, ForbiddenError, InvalidError, UnauthenticatedError
from roadworthy.foundation.ids import secret_text, short_id
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import authority, credential, queries, store
from roadworthy.identity.credential import Credential, Issued, Type
from roadworthy.identity.kinds import PERSON
from roadworthy.identity.principal import Principal
from roadworthy.identity.rights import ORGANIZATION
from roadworthy.registry import audit
from roadworthy.registry import operations as registry
from roadworthy.registry import queries as registry_queries
from roadworthy.registry.actor import Actor, system
from roadworthy.registry.assembly import Assembly
from roadworthy.registry.kinds import API_VERSION
from roadworthy.registry.manifest import Manifest


def issue_key(
    tx: Tx,
    *,
    account: str,
    use_case: str,
    expires_at: datetime | None = None,
    name: str = "",
    actor: Actor,
    pepper: bytes,
    now: datetime,
) -> Issued:
    """Issue a gateway key to a service account for exactly one of its use cases."""
    holder = _account_for_key(tx, account, use_case, actor=actor, now=now)
    valid = valid_keys(tx, holder=holder, use_case=use_case, now=now)
    if len(valid) >= credential.KEYS_VALID_MAX:
        raise ConflictError(
            f"{holder.name} has two valid keys for use-case/{use_case} already.",
            why=f"Two at a time are enough to rotate: {', '.join(one.id for one in valid)}.",
            fix="Revoke the one no longer used: `roadworthy key revoke ID`.",
        )
    return _issue(
        tx,
        type_="key",
        principal=holder.name,
        use_case=use_case,
        name=name,
        expires_at=_key_expiry(holder, expires_at, now=now),
        actor=actor,
        pepper=pepper,
        now=now,
    )


def rotate_key(
    tx: Tx,
    *,
    account: str,
    use_case: str,
    overlap: timedelta | None = None,
    expires_at: datetime | None = None,
    actor: Actor,
    pepper: bytes,
    now: datetime,
) -> Issued:
    """Issue the next key beside the one in use; with an overlap, that one expires when it is over."""
    holder = _account_for_key(tx, account, use_case, actor=actor, now=now)
    valid = valid_keys(tx, holder=holder, use_case=use_case, now=now)
    if len(valid) != 1:
        what = "no valid key" if not valid else "two valid keys"
        raise ConflictError(
            f"{holder.name} has {what} for use-case/{use_case}, so there is nothing to rotate.",
            why="Rotating puts a second key beside the one in use.",
            fix="Issue a key: `roadworthy key issue`." if not valid else "Revoke the older one first.",
        )
    if overlap is not None and overlap < timedelta(0):
        raise InvalidError("The overlap cannot be negative.", fix="Give the hours both keys are to work.")
    issued = _issue(
        tx,
        type_="key",
        principal=holder.name,
        use_case=use_case,
        name=valid[0].name,
        expires_at=_key_expiry(holder, expires_at, now=now),
        actor=actor,
        pepper=pepper,
        now=now,
    )
    if overlap is not None and now + overlap < valid[0].expires_at:
        store.move_expiry(tx, valid[0].id, now + overlap)
        content = {"expires_at": (now + overlap).isoformat(), "replaced_by": issued.credential.id}
        audit.record(
            tx,
            actor=actor,
            action="expiry-moved",
            subject=valid[0].subject,
            at=now,
            content=content,
            enforcement=True,
        )
    return issued


def revoke_key(tx: Tx, *, key_id: str, reason: str = "", actor: Actor, now: datetime) -> Credential:
    """Revoke a gateway key; it is refused on the next call. Revoking it again changes nothing."""
    found = queries.find_by_id(tx, id_=key_id, type_="key")
    holder = queries.directory(tx).principals.get(found.principal)
    # The owner answers for the account and may always switch it off.
    if holder is None or holder.owner != actor.principal:
        authority.require(
            tx,
            actor=actor,
            permission="key.revoke",
            namespaces=[holder.namespace if holder else ORGANIZATION],
            what=f"revoke the key {found.id} of {found.principal}",
            now=now,
        )
    return _end(tx, found, how="revoked", reason=reason, actor=actor, now=now)


def issue_token(
    tx: Tx,
    *,
    principal: str,
    name: str,
    expires_at: datetime | None = None,
    not_beyond: datetime | None = None,
    actor: Actor,
    pepper: bytes,
    now: datetime,
) -> Issued:
    """Issue an API token to oneself, or to a service account that one administers."""
    holder = _enabled(tx, principal, now=now)
    if holder.kind == "service-account":
        _require_over(tx, holder, what=f"issue a token to {principal}", actor=actor, now=now)
    elif principal != actor.principal and not authority.is_system(actor):
        raise ForbiddenError(
            f"{actor.principal} may not issue a token to {principal}.",
            why="A token acts as the person it belongs to.",
            fix=f"{principal} can make one after signing in: `roadworthy sign-in`.",
        )
    latest = [now + credential.TOKEN_LIFE_MAX]
    latest += [one for one in (holder.expires_at, holder.disabled_at, not_beyond) if one is not None]
    until = expires_at or min(now + credential.TOKEN_LIFE, *latest)
    _check_expiry(until, latest=min(latest), now=now)
    return _issue(
        tx,
        type_="token",
        principal=holder.name,
        name=name,
        expires_at=until,
        actor=actor,
        pepper=pepper,
        now=now,
    )


def revoke_token(tx: Tx, *, token_id: str, reason: str = "", actor: Actor, now: datetime) -> Credential:
    """Revoke one's own API token, or that of somebody one administers."""
    found = queries.find_by_id(tx, id_=token_id, type_="token")
    holder = queries.directory(tx).principals.get(found.principal)
    if actor.principal not in {found.principal, holder.owner if holder else ""}:
        authority.require(
            tx,
            actor=actor,
            permission="identity.manage",
            namespaces=[holder.namespace if holder else ORGANIZATION],
            what=f"revoke the token {found.id} of {found.principal}",
            now=now,
        )
    return _end(tx, found, how="revoked", reason=reason, actor=actor, now=now)


def require_sight_of_tokens(tx: Tx, *, principal: str, actor: Actor, now: datetime) -> None:
    """Let through who asks about their own tokens, or about those of somebody they administer."""
    holder = queries.principal(tx, principal)
    if actor.principal not in {holder.name, holder.owner}:
        authority.require(
            tx,
            actor=actor,
            permission="identity.manage",
            namespaces=[holder.namespace],
            what=f"see the tokens of {holder.name}",
            now=now,
        )


def issue_link(tx: Tx, *, person: str, actor: Actor, pepper: bytes, now: datetime) -> Issued:
    """Make a sign-in link for a person (by plain name): it works once, within a quarter of an hour."""
    holder = _enabled(tx, f"person/{person}", now=now)
    _require_over(tx, holder, what=f"make a sign-in link for {holder.name}", actor=actor, now=now)
    return _issue(
        tx,
        type_="link",
        principal=holder.name,
        expires_at=now + credential.LINK_LIFE,
        vouched_by=actor.principal,
        actor=actor,
        pepper=pepper,
        now=now,
    )


def sign_in(tx: Tx, *, link: str, pepper: bytes, now: datetime) -> Issued:
    """Exchange a sign-in link for a console session."""
    used, holder = _use_link(tx, link, channel="console", pepper=pepper, now=now)
    return _issue(
        tx,
        type_="session",
        principal=holder.name,
        expires_at=now + credential.SESSION_LIFE,
        vouched_by=used.vouched_by,
        actor=Actor(holder.name, "console"),
        pepper=pepper,
        now=now,
    )


def sign_in_for_token(tx: Tx, *, link: str, name: str, pepper: bytes, now: datetime) -> Issued:
    """Exchange a sign-in link for an API token, for the command line."""
    used, holder = _use_link(tx, link, channel="cli", pepper=pepper, now=now)
    return _issue(
        tx,
        type_="token",
        principal=holder.name,
        name=name,
        expires_at=min(now + credential.TOKEN_LIFE, holder.disabled_at or now + credential.TOKEN_LIFE),
        vouched_by=used.vouched_by,
        actor=Actor(holder.name, "cli"),
        pepper=pepper,
        now=now,
    )


def sign_out(tx: Tx, *, credential_id: str, type_: Type, actor: Actor, now: datetime) -> Credential:
    """End the session or token that somebody signed in with."""
    found = queries.find_by_id(tx, id_=credential_id, type_=type_)
    assert found.principal == actor.principal, "one signs out oneself"
    return _end(tx, found, how="signed-out", reason="", actor=actor, now=now)


def bootstrap(tx: Tx, assembly: Assembly, *, pepper: bytes, now: datetime) -> Issued | None:
    """Make the first administrator and their sign-in link; None when somebody administers already."""
    if queries.people_with_role(tx, role="admin", namespace=ORGANIZATION, now=now):
        return None
    actor = system("bootstrap")
    # Always somebody new: a person who is there already must not find themselves an administrator.
    taken = {one.name for one in queries.bindings(tx)}
    name = next(
        one
        for one in ("admin", *(f"admin-{number}" for number in range(2, 1_000)))
        if registry_queries.find(tx, PERSON, one) is None and one not in taken
    )
    person = _document("Person", name, {"display_name": "First administrator"})
    spec = {"subject": f"person/{name}", "role": "admin", "unit": ORGANIZATION}
    manifests = [Manifest(one, "", 0, {}) for one in (person, _document("RoleBinding", name, spec))]
    planned = registry.plan(tx, assembly, manifests=manifests, managed_by="console", actor=actor, now=now)
    registry.save(tx, assembly, planned, actor=actor, now=now)
    return issue_link(tx, person=name, actor=actor, pepper=pepper, now=now)


def valid_keys(tx: Tx, *, holder: Principal, use_case: str, now: datetime) -> tuple[Credential, ...]:
    """Return the keys of an account for a use case that hold now, oldest first."""
    plain = holder.name.partition("/")[2]
    return tuple(
        one
        for one in queries.keys_of(tx, account=plain)
        if one.use_case == use_case and one.holds(now) and queries.belongs(one, holder)
    )


def _document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _enabled(tx: Tx, name: str, *, now: datetime) -> Principal:
    holder = queries.principal(tx, name)
    if not holder.enabled(now):
        raise ConflictError(
            f"{name} is {holder.state(now)}.",
            why="Nothing is issued to somebody whose credentials would be refused.",
            fix=f"Change the declaration first ({holder.source}).",
        )
    return holder


def _account_for_key(tx: Tx, account: str, use_case: str, *, actor: Actor, now: datetime) -> Principal:
    holder = queries.principal(tx, f"service-account/{account}")
    if use_case not in holder.use_cases:
        listed = ", ".join(holder.use_cases) or "none"
        raise InvalidError(
            f"{holder.name} is not for use-case/{use_case[:80]}.",
            why=f"A key is for one of the account's use cases; it has: {listed}.",
            fix=f"Name one of those, or add the use case to `use_cases` of {holder.name} ({holder.source}).",
        )
    # Over both: who runs one unit's accounts must not spend another unit's grant.
    authority.require(
        tx,
        actor=actor,
        permission="key.issue",
        namespaces=[holder.namespace, queries.use_case_namespace(tx, use_case)],
        what=f"issue a key to {holder.name} for use-case/{use_case}",
        now=now,
    )
    return _enabled(tx, holder.name, now=now)


def _key_expiry(holder: Principal, wanted: datetime | None, *, now: datetime) -> datetime:
    assert holder.expires_at is not None, "a service account always expires"
    until = wanted or min(now + credential.KEY_LIFE, holder.expires_at)
    _check_expiry(until, latest=holder.expires_at, now=now)
    return until


def _check_expiry(until: datetime, *, latest: datetime, now: datetime) -> None:
    if not now < until <= latest:
        raise InvalidError(
            f"It cannot expire at {until:%Y-%m-%d %H:%M} UTC.",
            why=f"That is past, or later than {latest:%Y-%m-%d %H:%M} UTC, when what it stands on ends.",
            fix="Name an earlier time in the future, or leave it out.",
        )


def _require_over(tx: Tx, holder: Principal, *, what: str, actor: Actor, now: datetime) -> None:
    """Let through who administers all the holder can reach: nobody becomes more by acting as another."""
    reach = queries.rights_of(tx, principal=holder.name, now=now).held
    namespaces: Iterable[str] = [holder.namespace, *(one.unit for one in reach)]
    authority.require(
        tx, actor=actor, permission="identity.manage", namespaces=namespaces, what=what, now=now
    )


def _use_link(
    tx: Tx, pasted: str, *, channel: str, pepper: bytes, now: datetime
) -> tuple[Credential, Principal]:
    text = credential.link_code(pasted)
    found = queries.find_by_secret(tx, text=text, type_="link", pepper=pepper)
    holder = queries.directory(tx).principals.get(found.principal) if found is not None else None
    if found is None or holder is None or not queries.belongs(found, holder):
        raise _no_sign_in("It is not a link made here, or part of it is missing.")
    if not found.holds(now):
        why = {"used": "It was used before.", "expired": "It is older than 15 minutes."}
        raise _no_sign_in(why.get(found.state(now), "It was withdrawn."))
    if not holder.enabled(now):
        raise _no_sign_in(f"{holder.name} is {holder.state(now)}.")
    actor = Actor(holder.name, channel)
    if not store.end(tx, found.id, at=now, by=actor.principal, how="used"):
        raise _no_sign_in("It was used before.")
    audit.record(tx, actor=actor, action="used", subject=found.subject, at=now, content={"how": "used"})
    return found, holder


def _no_sign_in(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        "This sign-in link does not work.",
        why=why,
        fix="Ask for a new one, or print one on the server: `roadworthy sign-in-link`.",
    )


def _issue(
    tx: Tx,
    *,
    type_: Type,
    principal: str,
    expires_at: datetime,
    actor: Actor,
    pepper: bytes,
    now: datetime,
    use_case: str = "",
    name: str = "",
    vouched_by: str = "",
) -> Issued:
    public_id = short_id()
    text = credential.compose(type_, public_id=public_id, secret=secret_text())
    hash_ = credential.keyed_hash(text, pepper=pepper)
    columns: dict[str, Any] = {
        "principal": principal,
        "use_case": use_case,
        "name": name,
        "vouched_by": vouched_by,
    }
    store.add(
        tx,
        **columns,
        id=public_id,
        type=type_,
        hash=hash_,
        issued_at=now,
        issued_by=actor.principal,
        expires_at=expires_at,
        last_seen_at=now if type_ == "session" else None,
    )
    content = {
        **columns,
        "expires_at": expires_at.isoformat(),
        "fingerprint": credential.fingerprint(hash_),
    }
    audit.record(
        tx,
        actor=actor,
        action="issued",
        subject=f"{credential.SUBJECTS[type_]}/{public_id}",
        at=now,
        content=content,
        enforcement=type_ == "key",
    )
    return Issued(queries.find_by_id(tx, id_=public_id, type_=type_), text)


def _end(tx: Tx, found: Credential, *, how: str, reason: str, actor: Actor, now: datetime) -> Credential:
    if store.end(tx, found.id, at=now, by=actor.principal, how=how):
        content = {"how": how, "reason": reason, "principal": found.principal}
        audit.record(
            tx,
            actor=actor,
            action=how,
            subject=found.subject,
            at=now,
            content=content,
            enforcement=found.type == "key",
        )
    return queries.find_by_id(tx, id_=found.id, type_=found.type)
