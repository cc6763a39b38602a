"""Pure: what is known of a sealed secret without opening it, and how it stands with who uses it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

SECRET_CHARS_MAX = 16_384

State = Literal["in use", "not set", "void", "not used"]


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A sealed secret as people may see it."""

    name: str
    namespace: str
    destination: str
    fingerprint: str
    key_id: str
    version: int
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True)
class Use:
    """A provider whose declaration names a secret."""

    provider: str
    namespace: str
    destination: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A secret, set or only named, with who uses it."""

    name: str
    secret: SealedSecret | None
    uses: tuple[Use, ...]

    @property
    def state(self) -> State:
        """Say how it stands; void: there is a provider, and it opens for none."""
        if self.secret is None:
            return "not set"
        if not self.uses:
            return "not used"
        return "void" if all(fault(self.secret, use) for use in self.uses) else "in use"

    @property
    def faults(self) -> tuple[str, ...]:
        """Say for each provider that cannot use the secret why."""
        secret = self.secret
        if secret is None:
            return tuple(f"provider/{use.provider} names it, and it was never set" for use in self.uses)
        return tuple(said for use in self.uses if (said := fault(secret, use)))


def fault(secret: SealedSecret, use: Use) -> str:
    """Say why a provider cannot use a secret, or return an empty text."""
    if secret.namespace != use.namespace:
        return (
            f"provider/{use.provider} belongs to unit/{use.namespace}, the secret to unit/{secret.namespace}"
        )
    if secret.destination != use.destination:
        return f"provider/{use.provider} is at {use.destination}, the secret was set for {secret.destination}"
    return ""


def standings(secrets: Sequence[SealedSecret], uses: Sequence[tuple[str, Use]]) -> list[Standing]:
    """Return every secret that is set or named, by name."""
    held = {one.name: one for one in secrets}
    names = sorted({*held, *(name for name, _ in uses)})
    return [
        Standing(name, held.get(name), tuple(use for named, use in uses if named == name)) for name in names
    ]


def fingerprint(value: str, *, pepper: bytes) -> str:
    """Return what tells two secrets apart and cannot be computed from a guess without the pepper."""
    return hashlib.blake2b(
        value.encode(), key=pepper[:64], digest_size=6, person=b"roadworthy-seal"
    ).hexdigest()


def problem_with(value: str) -> str:
    """Say what is wrong with a secret, without a word of it; an empty text when it will do."""
    if not value:
        return "It is empty."
    if len(value) > SECRET_CHARS_MAX:
        return f"It is longer than {SECRET_CHARS_MAX} characters."
    if not all("!" <= letter <= "~" for letter in value) and not (
        value.startswith("{") and all(" " <= letter <= "~" or letter in "\r\n\t" for letter in value)
    ):
        return "It holds a blank, a line break or a letter outside ASCII, which no header can carry."
    return ""
