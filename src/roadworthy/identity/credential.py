"""Pure: the secrets that prove who is calling: their shapes, their keyed hashes, whether they still hold."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{8}$")]
"""The public handle of a credential, as a door takes it."""

Type = Literal["key", "token", "session", "link"]

PREFIXES: Final[dict[Type, str]] = {"key": "rwk", "token": "rwt", "session": "rws", "link": "rwl"}
SUBJECTS: Final[dict[Type, str]] = {
    "key": "api-key", "token": "api-token", "session": "session", "link": "sign-in-link",
}  # fmt: skip
"""What the audit log calls them."""

LINK_LIFE: Final = timedelta(minutes=15)
SESSION_LIFE: Final = timedelta(days=7)
SESSION_IDLE: Final = timedelta(hours=12)
SESSION_TOUCH: Final = timedelta(minutes=10)
"""How stale a session's last-seen time may get before a change writes it down."""
TOKEN_LIFE: Final = timedelta(days=30)
TOKEN_LIFE_MAX: Final = timedelta(days=365)
KEY_LIFE: Final = timedelta(days=90)
KEYS_VALID_MAX: Final = 2
"""Valid keys of one service account for one use case: the one in use, and the one being rolled out."""

_SHAPE: Final = re.compile(r"(rw[ktsl])_([0-9a-hjkmnp-tv-z]{8})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential as it is stored, without its hash."""

    id: str
    """Eight characters: a public handle."""
    type: Type
    principal: str
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    use_case: str = ""
    """For a key: the one use case it is for."""
    name: str = ""
    vouched_by: str = ""
    """For what came out of a sign-in link: who made that link."""
    last_seen_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_how: str = ""
    """`revoked`, `used` or `signed-out`."""

    @property
    def subject(self) -> str:
        """The name the audit log knows it by."""
        return f"{SUBJECTS[self.type]}/{self.id}"

    def state(self, now: datetime) -> str:
        """Return `valid`, `expired`, or how it ended."""
        if self.ended_at is not None and self.ended_at <= now:
            return self.ended_how or "revoked"
        return "valid" if now < self.expires_at else "expired"

    def holds(self, now: datetime) -> bool:
        """Say whether it may be used."""
        return self.state(now) == "valid"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new credential with its secret, which is shown once and kept nowhere."""

    credential: Credential
    secret: str = field(repr=False)


def compose(type_: Type, *, public_id: str, secret: str) -> str:
    """Return the text that is handed out: `rwk_<id>_<secret>`."""
    text = f"{PREFIXES[type_]}_{public_id}_{secret}"
    assert well_formed(text, type_), "the parts do not make a credential"
    return text


def well_formed(text: str, type_: Type) -> bool:
    """Say whether a text could be a credential of this type at all; nothing else is ever looked up."""
    # The length first: a pattern is not run over what somebody sends to keep us busy.
    if len(text) != 56:
        return False
    found = _SHAPE.fullmatch(text)
    return found is not None and found.group(1) == PREFIXES[type_]


def keyed_hash(text: str, *, pepper: bytes) -> str:
    """Return the keyed BLAKE2b of a credential: what it is stored and looked up by."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=pepper[:64], digest_size=32).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare two hashes in a time that does not tell how much of them agrees."""
    return hmac.compare_digest(one, other)


def fingerprint(stored_hash: str) -> str:
    """Return what the audit log keeps, so that a row with an exchanged hash is found."""
    return hashlib.sha256(b"roadworthy credential " + stored_hash.encode()).hexdigest()


def csrf_token(session_id: str, *, pepper: bytes) -> str:
    """Return the token that the forms of a session carry."""
    return hmac.new(pepper, b"csrf " + session_id.encode(), hashlib.sha256).hexdigest()


def link_code(pasted: str) -> str:
    """Return the code of a sign-in link: the part after the last slash, or the text itself."""
    return pasted.strip().rpartition("/")[2]
