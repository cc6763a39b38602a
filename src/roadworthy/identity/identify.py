"""Who sent a request: the holder of a session cookie or of a bearer token, with what they may do."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from roadworthy.foundation.errors import UnauthenticatedError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import ANYWHERE, Call
from roadworthy.identity import credential, queries, store
from roadworthy.identity.credential import SESSION_IDLE, SESSION_TOUCH, Credential
from roadworthy.identity.principal import Principal
from roadworthy.identity.rights import Rights
from roadworthy.registry.actor import Actor

COOKIE = "rw_session"
PEPPER_SOCKET = "identity.pepper"
CONSOLE_URL_SOCKET = "identity.console_url"
_REMEMBERED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who was identified, the credential they showed, and their rights."""

    principal: str
    display: str
    csrf_token: str
    """Empty for a bearer token."""
    rights: Rights
    credential: Credential

    @property
    def roles(self) -> tuple[str, ...]:
        """Return the roles held anywhere, by name."""
        return tuple(sorted(self.rights.roles_in()))

    def may(self, permission: str, *, namespace: str = ANYWHERE) -> bool:
        """Say whether the permission is held in this namespace, or in any."""
        return self.rights.may(permission, namespace)


class Doorkeeper:
    """Identifies the callers of the control plane. Its `identify` is what `Parts` asks for.

    A page is read in a transaction that cannot write, so the time a session was last used is kept in
    memory and written down by the next change; a restart forgets at most what was not yet written.
    """

    def __init__(self, *, pepper: bytes) -> None:
        self._pepper = pepper
        self._seen: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def identify(self, tx: Tx, request: Request, now: datetime) -> SignedIn | None:
        """Return the caller; None for nobody; an error for a token that does not hold."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._by_token(tx, token.strip(), now)
        session = request.cookies.get(COOKIE)
        return self._by_session(tx, session, now) if session else None

    def _by_token(self, tx: Tx, text: str, now: datetime) -> SignedIn:
        found = queries.find_by_secret(tx, text=text, type_="token", pepper=self._pepper)
        holder = _holder(tx, found)
        if found is None or holder is None:
            is_key = credential.well_formed(text, "key")
            raise _refused(
                "It is a gateway key: those open the gateway only, not this API."
                if is_key
                else "It is not a token issued here."
            )
        if not found.holds(now):
            raise _refused(f"The token {found.id} is {found.state(now).replace('-', ' ')}.")
        if not holder.enabled(now):
            raise _refused(f"{holder.name} is {holder.state(now)}.")
        return self._signed_in(tx, holder, found, csrf="", now=now)

    def _by_session(self, tx: Tx, text: str, now: datetime) -> SignedIn | None:
        """Return None for a session that ended, so that an old cookie still reaches the sign-in page."""
        found = queries.find_by_secret(tx, text=text, type_="session", pepper=self._pepper)
        holder = _holder(tx, found)
        if found is None or holder is None or not found.holds(now) or not holder.enabled(now):
            return None
        written = found.last_seen_at or found.issued_at
        with self._lock:
            last = max(written, self._seen.get(found.id, written))
            if now - last >= SESSION_IDLE:
                return None
            self._seen[found.id] = now
            if len(self._seen) > _REMEMBERED_MAX:
                self._seen = {id_: at for id_, at in self._seen.items() if now - at < SESSION_IDLE}
        if tx.writable and now - written >= SESSION_TOUCH:
            store.touch(tx, found.id, now)
        csrf = credential.csrf_token(found.id, pepper=self._pepper)
        return self._signed_in(tx, holder, found, csrf=csrf, now=now)

    def _signed_in(
        self, tx: Tx, holder: Principal, found: Credential, *, csrf: str, now: datetime
    ) -> SignedIn:
        held = queries.rights_of(tx, principal=holder.name, now=now)
        return SignedIn(holder.name, holder.display, csrf, held, found)


def _holder(tx: Tx, found: Credential | None) -> Principal | None:
    holder = queries.directory(tx).principals.get(found.principal) if found is not None else None
    return holder if found is not None and holder is not None and queries.belongs(found, holder) else None


def _refused(why: str) -> UnauthenticatedError:
    return UnauthenticatedError(
        "The token was not accepted.",
        why=why,
        fix="Sign in again with `roadworthy sign-in`, and send what it gives as `Authorization: Bearer`.",
    )


def signed_in(call: Call) -> SignedIn:
    """Return the caller of a request with their credential."""
    who = call.who
    assert isinstance(who, SignedIn), "another identity provider must bring its own sign-out"
    return who


def actor_of(call: Call) -> Actor:
    """Return the caller as the author of a change."""
    return Actor(call.who.principal, call.channel)


def pepper_of(call: Call) -> bytes:
    """Return the secret that credential hashes are keyed with."""
    pepper = call.parts.sockets[PEPPER_SOCKET]
    assert isinstance(pepper, bytes)
    return pepper


def console_url(call: Call) -> str:
    """Return the address people reach the console at, without a slash at the end."""
    return str(call.parts.sockets.get(CONSOLE_URL_SOCKET) or call.request.base_url).rstrip("/")
