"""Pure: what a recogniser is: one pattern for every engine, a check, a cue, and what may begin it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

Check = Callable[[bytes], bool]
REACH = 128
"""How far before its end the exact pattern of a recogniser is looked for."""
NUMBER_REACH = 48
"""The same for numbers."""


class Recogniser(msgspec.Struct, frozen=True):
    """One sort of thing that is found in texts.

    Patterns are of the part that RE2, Hyperscan and Python share, over texts of one byte per character:
    no look-around, no back-reference, bounded repetition.
    """

    name: str
    family: str
    title: str
    pattern: bytes
    label: str
    """What stands in its place when it is masked: `[LABEL]`."""
    check: Check | None = None
    cue: bytes = b""
    """A pattern that has to stand in the 48 characters before it."""
    cue_if_bare: bool = False
    """Ask for the cue only where nothing separates the digits."""
    priority: int = 50
    """Of two that overlap, the higher one counts."""
    begins: bytes = b""
    """What an end of a text looks like that may become one: held back in a stream where it is masked."""
    goes_on: bytes = b""
    """The signs that continue one that is longer than the look-back, such as a token."""
    until: bytes = b""
    """Where one ends that goes over many lines."""
    ignore_case: bool = False
    gate: bytes = b""
    """A shorter pattern that stands in every match, where the whole one is slow to compile, or slow over
    prose: one that begins with letters alone has the engine look at every word."""


def national(
    country: str,
    title: str,
    pattern: bytes,
    check: Check,
    *,
    cue: bytes = b"",
    cue_if_bare: bool = False,
    priority: int = 60,
    begins: bytes = rb"\b\d[\d ./-]{3,20}",
    gate: bytes = b"",
) -> Recogniser:
    """Return the recogniser of a country's number."""
    return Recogniser(
        name=country,
        family="national-ids",
        title=title,
        pattern=pattern,
        label="NATIONAL_ID",
        check=check,
        cue=cue,
        cue_if_bare=cue_if_bare,
        priority=priority,
        begins=begins,
        gate=gate,
    )


def key(
    name: str, title: str, pattern: bytes, *, begins: bytes, check: Check | None = None, gate: bytes = b""
) -> Recogniser:
    """Return the recogniser of a secret's format."""
    return Recogniser(
        name=name,
        family="secrets",
        title=title,
        pattern=pattern,
        label="SECRET",
        check=check,
        priority=90,
        begins=begins,
        gate=gate,
        goes_on=rb"[A-Za-z0-9_+/=.~-]",
    )
