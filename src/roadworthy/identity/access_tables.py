"""Pure: the tables of the access pages, the same for people and for machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from roadworthy.foundation.web.parts import Cell, Code, Column, Empty, State, Status, Table
from roadworthy.identity.credential import Credential
from roadworthy.identity.principal import Binding, Principal
from roadworthy.identity.rights import start_of

SOON = timedelta(days=14)

_STATES: Mapping[str, State] = {
    "enabled": "good", "valid": "good", "holds": "good",
    "expired": "warn", "disabled": "warn", "revoked": "bad",
}  # fmt: skip


def status_of(word: str, ends_at: datetime | None, *, now: datetime) -> Status:
    """Return a state as a chip; what ends soon says so."""
    if _STATES.get(word) == "good" and ends_at is not None and ends_at - now < SOON:
        days = (ends_at - now).days
        return Status("warn", f"ends in {days} days" if days > 1 else "ends within two days")
    return Status(_STATES.get(word, "none"), word)


def people(found: Iterable[Principal], roles: Mapping[str, int], *, now: datetime) -> Table:
    """Return the people with how many roles each holds."""
    rows: list[dict[str, Cell]] = [
        {
            "person": Code(one.name),
            "display_name": one.display,
            "state": status_of(one.state(now), one.disabled_at, now=now),
            "roles": roles.get(one.name, 0),
            "namespace": one.namespace,
            "declared_at": one.source,
            "href": f"/access/people/{one.name.partition('/')[2]}",
        }
        for one in found
        if one.kind == "person"
    ]
    columns = [
        Column(key="person", title="Person"),
        Column(key="display_name", title="Name"),
        Column(key="state", title="State"),
        Column(key="roles", title="Roles held", numeric=True),
        Column(key="namespace", title="Unit"),
        Column(key="declared_at", title="Declared at"),
    ]
    empty = Empty(sentence="Nobody is declared yet.", command="roadworthy apply -f people.yaml")
    return Table(columns=columns, rows=rows, caption="People", empty=empty)


def accounts(found: Iterable[Principal], owners: Mapping[str, Principal], *, now: datetime) -> Table:
    """Return the service accounts with who answers for each."""
    rows: list[dict[str, Cell]] = []
    for one in found:
        if one.kind != "service-account":
            continue
        owner = owners.get(one.owner)
        left = owner is None or not owner.enabled(now)
        state = status_of(one.state(now), one.expires_at, now=now)
        rows.append(
            {
                "service_account": Code(one.name),
                "type": one.type,
                "owner": one.owner,
                "state": Status("warn", "owner has left") if left and one.enabled(now) else state,
                "expires_on": one.expires_at.date() if one.expires_at else None,
                "use_cases": ", ".join(one.use_cases) or None,
                "namespace": one.namespace,
                "href": f"/access/service-accounts/{one.name.partition('/')[2]}",
            }
        )
    columns = [
        Column(key="service_account", title="Service account"),
        Column(key="type", title="Type"),
        Column(key="owner", title="Owner"),
        Column(key="state", title="State"),
        Column(key="expires_on", title="Expires on"),
        Column(key="use_cases", title="Use cases"),
        Column(key="namespace", title="Unit"),
    ]
    empty = Empty(sentence="No program calls models here yet.", command="roadworthy apply -f account.yaml")
    return Table(columns=columns, rows=rows, caption="Service accounts", empty=empty)


def credentials(found: Iterable[Credential], *, caption: str, command: str, now: datetime) -> Table:
    """Return keys or tokens by their public ids, the newest first."""
    rows: list[dict[str, Cell]] = [
        {
            "id": Code(one.id),
            "principal": one.principal,
            "use_case": one.use_case or None,
            "name": one.name or None,
            "state": status_of(one.state(now), one.expires_at, now=now),
            "expires_at": one.expires_at,
            "issued_at": one.issued_at,
            "issued_by": one.issued_by,
        }
        for one in sorted(found, key=lambda one: one.issued_at, reverse=True)
    ]
    columns = [
        Column(key="id", title="Id"),
        Column(key="principal", title="Holder"),
        Column(key="use_case", title="Use case"),
        Column(key="name", title="Name"),
        Column(key="state", title="State"),
        Column(key="expires_at", title="Expires"),
        Column(key="issued_at", title="Issued"),
        Column(key="issued_by", title="Issued by"),
    ]
    empty = Empty(sentence="None was issued yet.", command=command)
    return Table(columns=columns, rows=rows, caption=caption, empty=empty)


def bindings(found: Iterable[Binding], *, now: datetime) -> Table:
    """Return who holds which role where."""
    rows: list[dict[str, Cell]] = []
    for one in found:
        ends = start_of(one.held.expires_on) if one.held.expires_on else None
        word = "expired" if ends is not None and ends <= now else "holds"
        rows.append(
            {
                "role_binding": Code(one.name),
                "subject": one.subject,
                "role": one.held.role,
                "unit": one.held.unit,
                "state": status_of(word, ends, now=now),
                "expires_on": one.held.expires_on,
                "declared_at": one.source,
            }
        )
    columns = [
        Column(key="role_binding", title="Role binding"),
        Column(key="subject", title="Who"),
        Column(key="role", title="Role"),
        Column(key="unit", title="Where"),
        Column(key="state", title="State"),
        Column(key="expires_on", title="Expires on"),
        Column(key="declared_at", title="Declared at"),
    ]
    empty = Empty(sentence="Nobody holds a role yet.", command="roadworthy apply -f roles.yaml")
    return Table(columns=columns, rows=rows, caption="Role bindings", empty=empty)
