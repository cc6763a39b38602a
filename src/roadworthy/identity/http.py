"""The API of identity: sign in and out, who am I, gateway keys, API tokens, sign-in links."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Body, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import PUBLIC, SIGNED_IN, Reply, Router
from roadworthy.identity import operations, queries, roles
from roadworthy.identity.credential import Credential, Id, Issued
from roadworthy.identity.identify import (
    COOKIE,
    actor_of,
    console_url,
    pepper_of,
    signed_in,
)
from roadworthy.identity.kinds import Subject
from roadworthy.identity.rights import start_of
from roadworthy.registry.kinds import Name

router = Router(tag="identity")

Label = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=120, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Reason = Annotated[str, StringConstraints(max_length=400, pattern=r"^[^\x00]*$")]


class Sent(BaseModel):
    """A body; unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SignIn(Sent):
    """A one-time link, or the code at its end."""

    link: Annotated[str, StringConstraints(max_length=8192)]
    name: Label = "command line"
    wanted: Literal["token"] = Field(default="token", alias="as")
    """What to exchange it for; browsers get their session from the console's own form."""


class LinkFor(Sent):
    """Whom a sign-in link is for."""

    person: Name


class NewKey(Sent):
    """What a new gateway key is for."""

    use_case: Name
    expires_on: date | None = None
    name: Label = ""


class Rotation(Sent):
    """Which key to put a second one beside, and when the first one goes."""

    use_case: Name
    overlap_hours: Annotated[int, Field(ge=0, le=24 * 90)] | None = None
    expires_on: date | None = None


class Revocation(Sent):
    """Why something is revoked."""

    reason: Reason = ""


class NewToken(Sent):
    """What a new API token is called, and whose it is."""

    name: Label
    principal: Subject | None = None
    expires_on: date | None = None


def credential_view(found: Credential, *, now: datetime) -> dict[str, Any]:
    """Return a credential as the API shows it: nothing of its secret."""
    return {
        "id": found.id,
        "principal": found.principal,
        "use_case": found.use_case or None,
        "name": found.name,
        "state": found.state(now),
        "issued_at": found.issued_at.isoformat(),
        "issued_by": found.issued_by,
        "expires_at": found.expires_at.isoformat(),
        "ended_at": found.ended_at.isoformat() if found.ended_at else None,
        "ended_by": found.ended_by or None,
    }


def _shown_once(issued: Issued, word: str, call: Call) -> Reply:
    body = {**credential_view(issued.credential, now=call.now), word: issued.secret}
    return Reply(body, status=201)


def _refuse_idempotency(call: Call) -> None:
    """A kept answer would be a secret at rest; it is refused before anything happens."""
    if "idempotency-key" in call.request.headers:
        raise InvalidError(
            "An Idempotency-Key cannot be used here.",
            why="The answer holds a secret that is kept nowhere, so it cannot be answered a second time.",
            fix="Leave the header out. If an answer is lost, revoke what it issued and issue another.",
        )


@router.post("/v1/sign-in", permission=PUBLIC)
def sign_in(tx: Tx, call: Call, body: SignIn) -> Any:
    """Exchange a sign-in link for an API token."""
    _refuse_idempotency(call)
    issued = operations.sign_in_for_token(
        tx, link=body.link, name=body.name, pepper=pepper_of(call), now=call.now
    )
    return Reply({**credential_view(issued.credential, now=call.now), "token": issued.secret})


@router.post("/v1/sign-out", permission=SIGNED_IN)
def sign_out(tx: Tx, call: Call) -> Any:
    """End the session or the token this request was sent with."""
    ended = signed_in(call).credential
    operations.sign_out(tx, credential_id=ended.id, type_=ended.type, actor=actor_of(call), now=call.now)
    cookies = ((COOKIE, "", 0),) if ended.type == "session" else ()
    return Reply({"signed_out": True}, cookies=cookies)


@router.get("/v1/me", permission=SIGNED_IN)
def me(call: Call) -> Any:
    """Say who this request comes from and what they may do where."""
    who = signed_in(call)
    return {
        "principal": who.principal,
        "display_name": who.display,
        "credential": {
            "type": who.credential.type,
            "id": who.credential.id,
            "expires_at": who.credential.expires_at.isoformat(),
        },
        "roles": [
            {
                "role": one.role,
                "unit": one.unit,
                "expires_on": one.expires_on.isoformat() if one.expires_on else None,
                "binding": one.binding,
            }
            for one in who.rights.held
        ],
        "permissions": sorted({name for one in who.rights.held for name in roles.permissions_of(one.role)}),
    }


@router.post("/v1/sign-in-links", permission="identity.manage", status=201)
def make_link(tx: Tx, call: Call, body: LinkFor) -> Any:
    """Make a one-time sign-in link for a person."""
    _refuse_idempotency(call)
    issued = operations.issue_link(
        tx, person=body.person, actor=actor_of(call), pepper=pepper_of(call), now=call.now
    )
    return Reply(
        {
            "person": body.person,
            "link": f"{console_url(call)}/sign-in/{issued.secret}",
            "expires_at": issued.credential.expires_at.isoformat(),
        },
        status=201,
    )


@router.get("/v1/service-accounts/{name}/keys", permission="access.read")
def list_keys(tx: Tx, call: Call, name: Name) -> Any:
    """List the gateway keys of a service account."""
    queries.principal(tx, f"service-account/{name}")
    found = queries.keys_of(tx, account=name)
    return {"items": [credential_view(one, now=call.now) for one in found]}


@router.post("/v1/service-accounts/{name}/keys", permission="key.issue", status=201)
def issue_key(tx: Tx, call: Call, name: Name, body: NewKey) -> Any:
    """Issue a gateway key for one use case; it is shown in this answer only."""
    _refuse_idempotency(call)
    issued = operations.issue_key(
        tx,
        account=name,
        use_case=body.use_case,
        expires_at=_ends(body.expires_on),
        name=body.name,
        actor=actor_of(call),
        pepper=pepper_of(call),
        now=call.now,
    )
    return _shown_once(issued, "key", call)


@router.post("/v1/service-accounts/{name}/keys/rotate", permission="key.issue", status=201)
def rotate_key(tx: Tx, call: Call, name: Name, body: Rotation) -> Any:
    """Issue the next gateway key beside the one in use."""
    _refuse_idempotency(call)
    overlap = None if body.overlap_hours is None else timedelta(hours=body.overlap_hours)
    issued = operations.rotate_key(
        tx,
        account=name,
        use_case=body.use_case,
        overlap=overlap,
        expires_at=_ends(body.expires_on),
        actor=actor_of(call),
        pepper=pepper_of(call),
        now=call.now,
    )
    return _shown_once(issued, "key", call)


@router.post("/v1/keys/{key_id}/revoke", permission=SIGNED_IN)
def revoke_key(tx: Tx, call: Call, key_id: Id, body: Annotated[Revocation | None, Body()] = None) -> Any:
    """Revoke a gateway key; the next call with it is refused. Needs `key.revoke`, or to own the account."""
    reason = body.reason if body is not None else ""
    ended = operations.revoke_key(tx, key_id=key_id, reason=reason, actor=actor_of(call), now=call.now)
    return credential_view(ended, now=call.now)


@router.get("/v1/tokens", permission=SIGNED_IN)
def list_tokens(tx: Tx, call: Call, principal: Annotated[Subject | None, Query()] = None) -> Any:
    """List one's own API tokens, or those of somebody one administers."""
    whose = principal or call.who.principal
    operations.require_sight_of_tokens(tx, principal=whose, actor=actor_of(call), now=call.now)
    return {"items": [credential_view(one, now=call.now) for one in queries.tokens_of(tx, principal=whose)]}


@router.post("/v1/tokens", permission=SIGNED_IN, status=201)
def issue_token(tx: Tx, call: Call, body: NewToken) -> Any:
    """Issue an API token to oneself or to a service account one administers; it is shown once."""
    _refuse_idempotency(call)
    shown, whose = signed_in(call).credential, body.principal or call.who.principal
    issued = operations.issue_token(
        tx,
        principal=whose,
        name=body.name,
        expires_at=_ends(body.expires_on),
        # One's own token that leaked must not be a way to stay for ever.
        not_beyond=shown.expires_at if shown.type == "token" and whose == call.who.principal else None,
        actor=actor_of(call),
        pepper=pepper_of(call),
        now=call.now,
    )
    return _shown_once(issued, "token", call)


@router.delete("/v1/tokens/{token_id}", permission=SIGNED_IN)
def revoke_token(tx: Tx, call: Call, token_id: Id) -> Any:
    """Revoke an API token; it is refused from the next request on."""
    ended = operations.revoke_token(tx, token_id=token_id, actor=actor_of(call), now=call.now)
    return credential_view(ended, now=call.now)


def _ends(day: date | None) -> datetime | None:
    return None if day is None else start_of(day)
