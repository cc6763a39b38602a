"""Every route asks for its permission: generated over routes, credentials and roles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from roadworthy.foundation import clock
from roadworthy.foundation.web.router import PUBLIC, SIGNED_IN, Route
from roadworthy.identity import operations as identity
from roadworthy.identity.roles import ROLES, carries
from roadworthy.registry import manifest, operations
from roadworthy.registry.actor import system
from tests.api.conftest import Control

SYSTEM = system("tests")


def routes(control: Control) -> list[Route]:
    """Return every route of every slice."""
    return [
        route
        for one in control.installation.assembly.slices
        for router in one.routers
        for route in router.routes
    ]


def addresses(route: Route) -> Iterator[str]:
    """Fill a route's path with names that exist nowhere; pages with their twins."""
    path = re.sub(r"\{[^}]*(seq|generation)[^}]*\}", "1", route.path)
    path = re.sub(r"\{[^}]*\}", "nowhere", path)
    yield path
    if route.kind == "page":
        stem = "/needs-you" if path == "/" else path
        yield f"{stem}.json"
        yield f"{stem}.csv"


def declare(control: Control, documents: list[dict[str, Any]]) -> None:
    """Declare as the product itself."""
    text = manifest.source_text([("", one) for one in documents])
    now = clock.now()
    with control.installation.database.write() as tx:
        planned = operations.plan(
            tx,
            control.installation.assembly,
            manifests=manifest.parse(text, file="t.yaml"),
            managed_by="file",
            actor=SYSTEM,
            now=now,
        )
        operations.save(tx, control.installation.assembly, planned, actor=SYSTEM, now=now)


def document(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """Return a document."""
    return {"apiVersion": "roadworthy/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def tokens_by_role(control: Control) -> dict[str, str]:
    """Make one person for each role, and one without any; return their tokens."""
    people = {role: f"p-{role}" for role in [*ROLES, ""]}
    declare(
        control,
        [
            document("Person", name.strip("-") or "p", display_name=f"Holder of {role}")
            for role, name in people.items()
        ]
        + [
            document("RoleBinding", f"b-{role}", subject=f"person/p-{role}", role=role, unit="organization")
            for role in ROLES
        ],
    )
    found = {}
    with control.installation.database.write() as tx:
        for role, name in people.items():
            found[role] = identity.issue_token(
                tx,
                principal=f"person/{name.strip('-') or 'p'}",
                name="matrix",
                actor=SYSTEM,
                pepper=control.installation.pepper,
                now=clock.now(),
            ).secret
    return found


def ask(client: Any, route: Route, path: str) -> int:
    """Send a request with nothing in it."""
    return int(client.request(route.method, path, follow_redirects=False).status_code)


def test_every_route_declares_a_permission_that_some_slice_explains(control: Control) -> None:
    """A permission nobody explains can be given to nobody with open eyes."""
    explained = set(control.installation.assembly.permissions) | {PUBLIC, SIGNED_IN}
    assert {route.permission for route in routes(control)} <= explained
    assert len(routes(control)) > 60


def test_what_is_public_is_a_short_list_everybody_can_read(control: Control) -> None:
    """Only signing in needs no credential (health and assets are not routes of a slice)."""
    public = {(route.method, route.path) for route in routes(control) if route.permission == PUBLIC}
    assert public <= {
        ("GET", "/sign-in"),
        ("GET", "/sign-in/{code}"),
        ("POST", "/sign-in"),
        ("POST", "/sign-out"),
        ("POST", "/v1/sign-in"),
    }


@pytest.mark.parametrize(
    "credential",
    [
        None,
        "Bearer ",
        "Bearer nonsense",
        "Bearer rwt_aaaaaaaa_" + "A" * 43,
        "Bearer rwk_aaaaaaaa_" + "A" * 43,
        "Bearer ' OR '1'='1",
        "Basic YTpi",
        "expired",
    ],
)
def test_without_a_valid_credential_no_route_answers(control: Control, credential: str | None) -> None:
    """Nobody known: 401 everywhere, before the body is read."""
    if credential == "expired":
        with control.installation.database.write() as tx:
            past = clock.now() - timedelta(days=30)
            issued = identity.issue_token(
                tx,
                principal="person/admin",
                name="old",
                expires_at=past + timedelta(hours=1),
                actor=SYSTEM,
                pepper=control.installation.pepper,
                now=past,
            )
        credential = f"Bearer {issued.secret}"
    client = control.client("x")
    client.headers.pop("Authorization")
    if credential is not None:
        client.headers["Authorization"] = credential
    for route in routes(control):
        if route.permission == PUBLIC:
            continue
        for path in addresses(route):
            assert ask(client, route, path) == 401, (route.method, path)
            broken = client.request(
                route.method, path, content=b"{", headers={"content-type": "application/json"}
            )
            assert broken.status_code == 401, ("the body was read first", route.method, path)


def test_each_role_reaches_what_its_permissions_say_and_nothing_else(control: Control) -> None:
    """403 exactly where the permission is missing; elsewhere some other answer, never a failure."""
    for role, token in tokens_by_role(control).items():
        client = control.client(token)
        for route in routes(control):
            if route.permission in {PUBLIC, SIGNED_IN} or route.path == "/sign-out":
                continue
            held = role in ROLES and carries(role, route.permission)
            for path in addresses(route):
                status = ask(client, route, path)
                assert status < 500, (role, route.method, path, status)
                if not held:
                    assert status == 403, (role, route.method, path, status)
                else:
                    assert status != 401, (role, route.method, path)
