"""The console pages of sealed secrets: how each stands, and a form that only takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Form
from pydantic import SecretStr

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import ANYWHERE, Call
from roadworthy.foundation.web.parts import Cell, Code, Column, Empty, Link, ListPage, Option, Status, Table
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.identity.identify import actor_of, pepper_of
from roadworthy.models import operations, queries
from roadworthy.models.door import keyring_of, require
from roadworthy.models.kinds import PROVIDER
from roadworthy.models.secret import Standing
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Name

router = Router(tag="secrets")
SECRETS = "/access/secrets"

_STATUS = {
    "in use": Status("good", "in use"),
    "not set": Status("bad", "not set"),
    "void": Status("bad", "void"),
    "not used": Status("none", "not used"),
}
_COLUMNS = (
    Column(key="name", title="Secret"),
    Column(key="state", title="State"),
    Column(key="destination", title="Sent only to"),
    Column(key="providers", title="Used by"),
    Column(key="fingerprint", title="Fingerprint"),
    Column(key="set_at", title="Set"),
    Column(key="set_by", title="By"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPage:
    """The model of `secret_standing.html`: how a secret stands, and what can be done with it."""

    name: str
    status: Status
    facts: Sequence[tuple[str, Cell]]
    faults: Sequence[str]
    providers: Sequence[Option]
    is_set: bool
    can_set: bool


@router.page(SECRETS, permission="access.read")
def secrets_page(tx: Tx) -> Any:
    """Show every secret that is set or named by a provider, never what it is."""
    table = Table(
        columns=_COLUMNS,
        rows=[_row(one) for one in queries.every(tx)],
        caption="Sealed secrets",
        url=SECRETS,
        empty=Empty(
            sentence="No secret is sealed here, and no provider names one.",
            command="roadworthy secret set NAME --provider PROVIDER < key.txt",
        ),
    )
    return View(
        title="Provider secrets",
        template="table_page.html",
        model=ListPage(
            lead="Keys of providers, sealed. Each opens for one address only; nobody is shown one again."
        ),
        table=table,
        breadcrumbs=(Crumb("Access", "/access"),),
        active="/access",
        command="roadworthy secret list",
    )


def _row(one: Standing) -> dict[str, Cell]:
    secret = one.secret
    return {
        "name": Link(one.name, f"{SECRETS}/{one.name}"),
        "state": _STATUS[one.state],
        "destination": Code(secret.destination) if secret else None,
        "providers": ", ".join(use.provider for use in one.uses) or None,
        "fingerprint": Code(secret.fingerprint) if secret else None,
        "set_at": secret.set_at if secret else None,
        "set_by": secret.set_by if secret else None,
    }


@router.page(f"{SECRETS}/{{name}}", permission="access.read")
def secret_page(tx: Tx, call: Call, name: Name) -> Any:
    """Show how a secret stands, with a form to set it; nothing of what it is."""
    found = queries.get(tx, name)
    secret = found.secret
    mine = [
        one.name
        for one in registry.every(tx, PROVIDER)
        if call.who.may("secret.manage", namespace=one.namespace)
        and (secret is None or one.namespace == secret.namespace)
    ]
    named = [use.provider for use in found.uses if use.provider in mine]
    model = SecretPage(
        name=name,
        status=_STATUS[found.state],
        facts=(
            ("Unit", secret.namespace if secret else None),
            ("Sent only to", Code(secret.destination) if secret else None),
            ("Fingerprint", Code(secret.fingerprint) if secret else None),
            ("Times set", secret.version if secret else None),
            ("Set", secret.set_at if secret else None),
            ("Set by", secret.set_by if secret else None),
            ("Used by", ", ".join(use.provider for use in found.uses) or None),
        ),
        faults=found.faults,
        providers=[Option(one, one) for one in (*named, *(one for one in mine if one not in named))],
        is_set=secret is not None,
        can_set=bool(mine),
    )
    return View(
        title=name,
        template="models/secret_standing.html",
        model=model,
        breadcrumbs=(Crumb("Access", "/access"), Crumb("Provider secrets", SECRETS)),
        active="/access",
        command=f"roadworthy secret show {name}",
    )


@router.form(f"{SECRETS}/{{name}}", permission="secret.manage")
def set_secret(
    tx: Tx,
    call: Call,
    name: Name,
    value: Annotated[SecretStr, Form(max_length=16_384)],
    provider: Annotated[Name, Form()],
) -> Any:
    """Seal a secret for a provider."""
    require(call, namespace=registry.get(tx, PROVIDER, provider).namespace)
    made = operations.set_secret(
        tx,
        name=name,
        value=value.get_secret_value(),
        provider=provider,
        keyring=keyring_of(call),
        pepper=pepper_of(call),
        actor=actor_of(call),
        now=call.now,
    )
    notice = f"The secret {name} is sealed for {made.destination}; its fingerprint is {made.fingerprint}."
    return Redirect(f"{SECRETS}/{name}", notice=notice)


@router.form(f"{SECRETS}/{{name}}/remove", permission="secret.manage")
def remove_secret(tx: Tx, call: Call, name: Name) -> Any:
    """Take a secret away."""
    known = queries.get(tx, name).secret
    require(call, namespace=known.namespace if known is not None else ANYWHERE)
    operations.remove_secret(tx, name=name, actor=actor_of(call), now=call.now)
    return Redirect(SECRETS, notice=f"The secret {name} is taken away; the next call without it is refused.")
