"""The console pages of identity: sign-in, who has access, and keys shown once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Form

from roadworthy.foundation.errors import UnauthenticatedError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Code, Link, Option, SignInPage, Status, Tab, Table
from roadworthy.foundation.web.router import PUBLIC, SIGNED_IN, Redirect, Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.identity import access_tables, credential, operations, queries
from roadworthy.identity.credential import Id
from roadworthy.identity.identify import COOKIE, actor_of, console_url, pepper_of, signed_in
from roadworthy.registry.door import action_of
from roadworthy.registry.kinds import Name

router = Router(tag="identity")
ACCESS = "/access"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    """The model of `sign_in_link.html`: a button, so that a preview of the link does not use it up."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessPage:
    """The model of `access.html`: one tab with one table."""

    lead: str
    tabs: Sequence[Tab]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """The model of `account.html`: a service account, its keys, and what can be done with them."""

    name: str
    action: Link | None
    status: Status
    facts: Sequence[tuple[str, Cell]]
    can_issue: bool
    can_revoke: bool
    use_cases: Sequence[Option]
    rotatable: Sequence[Option]
    revocable: Sequence[Option]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """The model of `person.html`: a person, their roles, and a sign-in link for them."""

    name: str
    status: Status
    facts: Sequence[tuple[str, Cell]]
    roles: Table
    can_link: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPage:
    """The model of `secret.html`: something that is shown now and never again."""

    what: str
    secret: str
    note: str
    back: Link
    snippet_title: str = ""
    snippet: str = ""


@router.page("/sign-in", permission=PUBLIC)
def sign_in_page(call: Call, next: str = "") -> Any:  # noqa: A002 - the name in the address
    """Ask for a one-time link."""
    if call.caller is not None:
        return Redirect(_inside(next))
    return View(title="Sign in", template="sign_in.html", model=SignInPage(next_path=_inside(next)))


@router.page("/sign-in/{code}", permission=PUBLIC)
def sign_in_link_page(code: str) -> Any:
    """Show a button that signs in; opening the page alone uses nothing up."""
    return View(
        title="Sign in",
        template="identity/sign_in_link.html",
        model=LinkPage(code=code if credential.well_formed(code, "link") else ""),
    )


@router.form("/sign-in", permission=PUBLIC)
def sign_in(
    tx: Tx,
    call: Call,
    link: Annotated[str, Form(max_length=8192)],
    next: Annotated[str, Form(max_length=2000)] = "",  # noqa: A002 - the field's name
) -> Any:
    """Exchange a one-time link for a session."""
    try:
        issued = operations.sign_in(tx, link=link, pepper=pepper_of(call), now=call.now)
    except UnauthenticatedError as error:
        problem = f"{error.why} {error.fix}"
        model = SignInPage(next_path=_inside(next), problem=problem)
        return View(title="Sign in", template="sign_in.html", model=model, status=401)
    life = int(credential.SESSION_LIFE.total_seconds())
    return Redirect(_inside(next), cookies=((COOKIE, issued.secret, life),))


@router.form("/sign-out", permission=SIGNED_IN)
def sign_out(tx: Tx, call: Call) -> Any:
    """End this session."""
    ended = signed_in(call).credential
    operations.sign_out(tx, credential_id=ended.id, type_=ended.type, actor=actor_of(call), now=call.now)
    return Redirect("/sign-in", notice="You are signed out.", cookies=((COOKIE, "", 0),))


@router.page("/access", permission="access.read")
def people_page(tx: Tx, call: Call) -> Any:
    """Show who works here."""
    known = queries.directory(tx)
    held = {name: len(known.rights(name, now=call.now).held) for name in known.principals}
    table = access_tables.people(queries.principals(tx), held, now=call.now)
    return _tab("", table, lead="People, and how many roles each holds now.", command="roadworthy get person")


@router.page("/access/service-accounts", permission="access.read")
def accounts_page(tx: Tx, call: Call) -> Any:
    """Show the programs that call models."""
    found = queries.principals(tx)
    owners = {one.name: one for one in found if one.kind == "person"}
    table = access_tables.accounts(found, owners, now=call.now)
    lead = "Callers that are not people. Each has an owner, a purpose and an end."
    return _tab("/service-accounts", table, lead=lead, command="roadworthy get service-account")


@router.page("/access/keys", permission="access.read")
def keys_page(tx: Tx, call: Call) -> Any:
    """Show every gateway key, never its secret."""
    table = access_tables.credentials(
        queries.all_keys(tx),
        caption="Gateway keys",
        command="roadworthy key issue service-account/NAME --use-case NAME",
        now=call.now,
    )
    lead = "A key is for one use case of one service account. Its secret is kept nowhere."
    return _tab("/keys", table, lead=lead, command="roadworthy key list")


@router.page("/access/role-bindings", permission="access.read")
def bindings_page(tx: Tx, call: Call) -> Any:
    """Show who holds which role where."""
    table = access_tables.bindings(queries.bindings(tx), now=call.now)
    lead = "A role on a unit covers the unit and all below it."
    return _tab("/role-bindings", table, lead=lead, command="roadworthy get role-binding")


def _tab(suffix: str, table: Table, *, lead: str, command: str) -> View:
    tabs = [
        Tab(title, f"{ACCESS}{path}", current=path == suffix)
        for title, path in (
            ("People", ""),
            ("Service accounts", "/service-accounts"),
            ("Keys", "/keys"),
            ("Role bindings", "/role-bindings"),
            ("Provider secrets", "/secrets"),  # a page of models, which seals them
            ("Who may call", "/models"),  # a page of the gateway, which knows what it would decide
            ("Policies", "/policies"),  # of the gateway too
        )
    ]
    return View(
        title="Access",
        template="identity/access.html",
        model=AccessPage(lead=lead, tabs=tabs),
        table=table,
        active=ACCESS,
        command=command,
    )


@router.page("/access/people/{name}", permission="access.read")
def person_page(tx: Tx, call: Call, name: Name) -> Any:
    """Show a person, their roles and their API tokens."""
    found = queries.principal(tx, f"person/{name}")
    held = [one for one in queries.bindings(tx) if one.subject == found.name]
    may_see = call.who.principal == found.name or call.who.may("identity.manage", namespace=found.namespace)
    table = access_tables.credentials(
        queries.tokens_of(tx, principal=found.name) if may_see else (),
        caption="API tokens",
        command="roadworthy sign-in",
        now=call.now,
    )
    model = PersonPage(
        name=name,
        status=access_tables.status_of(found.state(call.now), found.disabled_at, now=call.now),
        facts=(
            ("Principal", Code(found.name)),
            ("Unit", found.namespace),
            ("Email", found.email or None),
            ("Disabled on", found.disabled_at.date() if found.disabled_at else None),
            ("Declared at", found.source),
        ),
        roles=access_tables.bindings(held, now=call.now),
        can_link=found.enabled(call.now) and call.who.may("identity.manage", namespace=found.namespace),
    )
    return View(
        title=found.display,
        template="identity/person.html",
        model=model,
        table=table,
        breadcrumbs=(Crumb("Access", ACCESS),),
        active=ACCESS,
        command=f"roadworthy get person/{name}",
    )


@router.form("/access/people/{name}/sign-in-link", permission="identity.manage")
def make_link(tx: Tx, call: Call, name: Name) -> Any:
    """Make a sign-in link for a person and show it once."""
    issued = operations.issue_link(
        tx, person=name, actor=actor_of(call), pepper=pepper_of(call), now=call.now
    )
    link = f"{console_url(call)}/sign-in/{issued.secret}"
    note = "It works once, for 15 minutes. Send it to that person only: whoever opens it acts as them."
    back = Link("Back to the person", f"{ACCESS}/people/{name}")
    return _secret(f"Sign-in link for person/{name}", link, note=note, back=back)


@router.page("/access/service-accounts/{name}", permission="access.read")
def account_page(tx: Tx, call: Call, name: Name) -> Any:
    """Show a service account, its keys, and what can be done with them."""
    found = queries.principal(tx, f"service-account/{name}")
    keys = queries.keys_of(tx, account=name)
    valid = {
        use_case: operations.valid_keys(tx, holder=found, use_case=use_case, now=call.now)
        for use_case in found.use_cases
    }
    owns = found.owner == call.who.principal
    model = AccountPage(
        name=name,
        action=action_of(call, f"service-account/{name}", found.namespace),
        status=access_tables.status_of(found.state(call.now), found.expires_at, now=call.now),
        facts=(
            ("Principal", Code(found.name)),
            ("Type", found.type),
            ("Owner", Link(found.owner, f"{ACCESS}/people/{found.owner.partition('/')[2]}")),
            ("Purpose", found.purpose),
            ("Unit", found.namespace),
            ("Expires on", found.expires_at.date() if found.expires_at else None),
            ("Use cases", ", ".join(found.use_cases) or None),
            ("Declared at", found.source),
        ),
        can_issue=found.enabled(call.now) and call.who.may("key.issue", namespace=found.namespace),
        can_revoke=owns or call.who.may("key.revoke", namespace=found.namespace),
        use_cases=[Option(one, one) for one in found.use_cases if len(valid[one]) < 2],
        rotatable=[Option(one, one) for one in found.use_cases if len(valid[one]) == 1],
        revocable=[Option(one.id, f"{one.id} · {one.use_case}") for one in keys if one.holds(call.now)],
    )
    table = access_tables.credentials(
        keys,
        caption="Gateway keys",
        command=f"roadworthy key issue service-account/{name} --use-case NAME",
        now=call.now,
    )
    return View(
        title=name,
        template="identity/account.html",
        model=model,
        table=table,
        breadcrumbs=(Crumb("Access", ACCESS), Crumb("Service accounts", f"{ACCESS}/service-accounts")),
        active=ACCESS,
        command=f"roadworthy key list service-account/{name}",
    )


@router.form("/access/service-accounts/{name}/keys", permission="key.issue")
def issue_key(
    tx: Tx,
    call: Call,
    name: Name,
    use_case: Annotated[Name, Form()],
    act: Annotated[Literal["issue", "rotate"], Form()] = "issue",
    overlap_hours: Annotated[int, Form(ge=0, le=2160)] = 24,
) -> Any:
    """Issue a key, or rotate the one in use, and show the new one once."""
    issue = (
        partial(operations.rotate_key, overlap=timedelta(hours=overlap_hours))
        if act == "rotate"
        else operations.issue_key
    )
    issued = issue(
        tx,
        account=name,
        use_case=use_case,
        actor=actor_of(call),
        pepper=pepper_of(call),
        now=call.now,
    )
    note = (
        "Copy it now: it is kept nowhere and cannot be shown again. It opens the gateway for this use case."
    )
    back = Link("Back to the service account", f"{ACCESS}/service-accounts/{name}")
    title = f"Key {issued.credential.id} for use-case/{use_case}"
    return _secret(title, issued.secret, note=note, back=back)


@router.form("/access/service-accounts/{name}/keys/revoke", permission=SIGNED_IN)
def revoke_key(
    tx: Tx,
    call: Call,
    name: Name,
    key: Annotated[Id, Form()],
    reason: Annotated[str, Form(max_length=400)] = "",
) -> Any:
    """Revoke a key; the next call with it is refused."""
    clean = reason.replace("\x00", "")
    operations.revoke_key(tx, key_id=key, reason=clean, actor=actor_of(call), now=call.now)
    notice = f"The key {key} is revoked; the next call with it is refused."
    return Redirect(f"{ACCESS}/service-accounts/{name}", notice=notice)


def _secret(what: str, secret: str, *, note: str, back: Link) -> View:
    return View(
        title=what,
        template="identity/secret.html",
        model=SecretPage(what=what, secret=secret, note=note, back=back),
        breadcrumbs=(Crumb("Access", ACCESS),),
        active=ACCESS,
    )


def _inside(path: str) -> str:
    r"""Return a path of this console; `//elsewhere` and `/\elsewhere` would lead a browser away."""
    plain = all(" " < sign < "\x7f" for sign in path)
    return path if plain and path.startswith("/") and path[1:2] not in {"/", "\\"} else "/"
