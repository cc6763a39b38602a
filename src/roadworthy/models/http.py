"""The API of sealed secrets: they go in, and never come out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import ANYWHERE, Call
from roadworthy.foundation.web.router import Router
from roadworthy.identity.identify import actor_of, pepper_of
from roadworthy.models import evaluations, operations, queries
from roadworthy.models.door import keyring_of, require
from roadworthy.models.facts import ModelEvaluated
from roadworthy.models.kinds import MODEL, PROVIDER
from roadworthy.models.secret import Standing
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Name

router = Router(tag="secrets")


class NewSecret(BaseModel):
    """A secret, and the provider it is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    value: Annotated[SecretStr, Field(max_length=16_384)]
    """The secret. It is sealed before it is stored, and shown to nobody again."""
    provider: Name
    """The declared provider whose requests are to carry it; it is bound to that provider's address."""


class Rotation(BaseModel):
    """What to do with the keys before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forget_old: bool = False
    """Forget the keys that wrap nothing any more, instead of making a new one."""


def view_of(found: Standing) -> dict[str, Any]:
    """Return a secret as everybody may see it."""
    secret = found.secret
    return {
        "name": found.name,
        "state": found.state,
        "unit": secret.namespace if secret else None,
        "destination": secret.destination if secret else None,
        "fingerprint": secret.fingerprint if secret else None,
        "version": secret.version if secret else None,
        "set_at": secret.set_at.isoformat() if secret else None,
        "set_by": secret.set_by if secret else None,
        "providers": [use.provider for use in found.uses],
        "faults": list(found.faults),
    }


@router.get("/v1/secrets", permission="access.read")
def list_secrets(tx: Tx) -> Any:
    """List the secrets that are set or named by a provider; never what they are."""
    return {"items": [view_of(one) for one in queries.every(tx)]}


@router.get("/v1/secrets/{name}", permission="access.read")
def show_secret(tx: Tx, name: Name) -> Any:
    """Show how a secret stands; never what it is."""
    return view_of(queries.get(tx, name))


@router.put("/v1/secrets/{name}", permission="secret.manage")
def set_secret(tx: Tx, call: Call, name: Name, body: NewSecret) -> Any:
    """Seal a secret for a provider, in the place of the one before."""
    if "idempotency-key" in call.request.headers:
        raise InvalidError(
            "An Idempotency-Key cannot be used here.",
            why="A digest of the request would be kept, and with it one of the secret.",
            fix="Leave the header out: setting the same secret twice changes nothing but its version.",
        )
    require(call, namespace=registry.get(tx, PROVIDER, body.provider).namespace)
    operations.set_secret(
        tx,
        name=name,
        value=body.value.get_secret_value(),
        provider=body.provider,
        keyring=keyring_of(call),
        pepper=pepper_of(call),
        actor=actor_of(call),
        now=call.now,
    )
    return view_of(queries.get(tx, name))


@router.delete("/v1/secrets/{name}", permission="secret.manage")
def remove_secret(tx: Tx, call: Call, name: Name) -> Any:
    """Take a secret away; its providers are refused from the next call on."""
    known = queries.get(tx, name).secret
    require(call, namespace=known.namespace if known is not None else ANYWHERE)
    operations.remove_secret(tx, name=name, actor=actor_of(call), now=call.now)
    return {"name": name, "removed": True}


@router.post("/v1/secrets-key/rotate", permission="secret.rotate")
def rotate_keys(tx: Tx, call: Call, body: Rotation) -> Any:
    """Wrap all secrets with a new key, or forget the keys that wrap nothing any more."""
    ring = keyring_of(call)
    if body.forget_old:
        return {"forgotten": list(operations.forget_keys(tx, keyring=ring))}
    key, count = operations.rotate_keys(tx, keyring=ring, actor=actor_of(call), now=call.now)
    return {"key_id": key, "rewrapped": count}


class NewEvaluation(BaseModel):
    """What a model scored when it was put to the test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: Annotated[float, Field(ge=0, le=1)]
    """The share of the test it passed."""
    suite: Annotated[str, Field(min_length=1, max_length=120)]
    """Which test, with its version."""
    cases: Annotated[int, Field(ge=1, le=10**9)]
    """How many cases it had."""
    task: Annotated[str, Field(pattern=r"^([a-z][a-z0-9_-]{0,39})?$")] = ""
    """What it was tested for; nothing for all tasks that have no test of their own."""


@router.post("/v1/models/{name}/evaluations", permission="measure.import", status=201)
def record_evaluation(tx: Tx, call: Call, name: Name, body: NewEvaluation) -> Any:
    """Record what a model scored; routes that prefer quality go by the latest score from the next call on."""
    fact = ModelEvaluated(model=name, **body.model_dump())
    done = evaluations.record_evaluation(tx, fact, actor=actor_of(call), now=call.now)
    return {"id": done.id, **body.model_dump(), "model": name, "at": done.at.isoformat(), "by": done.actor}


@router.get("/v1/models/{name}/evaluations", permission="registry.read")
def list_evaluations(tx: Tx, name: Name) -> Any:
    """List what a model scored, oldest first."""
    registry.get(tx, MODEL, name)
    return {
        "items": [
            {**one.fact.model_dump(), "at": one.at.isoformat(), "by": one.actor, "audit_seq": one.audit_seq}
            for one in evaluations.evaluations(tx, name)
        ]
    }
