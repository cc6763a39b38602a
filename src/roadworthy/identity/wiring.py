"""What identity plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.identity import admission, http, pages
from roadworthy.identity.kinds import PERSON, ROLE_BINDING, SERVICE_ACCOUNT
from roadworthy.identity.roles import PERMISSIONS
from roadworthy.identity.verification import verify_credentials
from roadworthy.registry.slice import NavEntry, Slice

SLICE = Slice(
    name="identity",
    kinds=(PERSON, SERVICE_ACCOUNT, ROLE_BINDING),
    admission=admission.CHECKS,
    verifiers=(verify_credentials,),
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
    navigation=(NavEntry("Access", "/access", "access", 70, "access.read"),),
    permissions=PERMISSIONS,
)
