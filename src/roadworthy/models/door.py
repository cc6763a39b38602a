"""What the doors of this slice need of a call: the keys, and whether the caller may."""

from __future__ import annotations

from roadworthy.foundation.errors import ForbiddenError
from roadworthy.foundation.web.context import Call
from roadworthy.models.keyfile import KEYRING_SOCKET, Keyring


def keyring_of(call: Call) -> Keyring:
    """Return the keys that secrets are wrapped with."""
    found = call.parts.sockets[KEYRING_SOCKET]
    assert isinstance(found, Keyring)
    return found


def require(call: Call, *, namespace: str) -> None:
    """Let through who may set the secrets of this unit."""
    if not call.who.may("secret.manage", namespace=namespace):
        raise ForbiddenError(
            f"{call.who.principal} may not set the secrets of unit/{namespace}.",
            why="It needs the permission `secret.manage` there.",
            fix="Ask an administrator for the role platform-engineer on that unit.",
        )
