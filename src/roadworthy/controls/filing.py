"""Pure: from a file and what its uploader says to what a piece of evidence says, or why it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from roadworthy.controls.catalogue import ControlCatalogue, EvidenceKind
from roadworthy.controls.reading import Reading, UnreadableError, read
from roadworthy.foundation.errors import InvalidError, NotFoundError

AHEAD = timedelta(minutes=5)
"""How far another machine's clock may be ahead of ours."""


class EvidenceUnreadableError(InvalidError):
    """A file is not of a form that its kind of evidence reads."""

    code = "evidence-unreadable"


def kind_of(book: ControlCatalogue, name: str) -> EvidenceKind:
    """Return a kind of evidence, or say that there is none."""
    if name not in book.kinds:
        raise NotFoundError(
            f"There is no kind of evidence called `{name[:60]}`.",
            fix="`roadworthy evidence kinds` lists them.",
        )
    return book.kinds[name]


def figures_of(content: bytes, kind: EvidenceKind) -> Reading | None:
    """Read the file where its kind reads files; None where it is kept as it is."""
    if not kind.reads:
        return None
    try:
        reading = read(content)
    except UnreadableError as error:
        raise EvidenceUnreadableError(
            "The file cannot be read as evidence.",
            why=f"{error}.",
            fix="File what the tool wrote, unchanged.",
        ) from error
    return reading if reading is not None and reading.format in kind.reads else None


def values_of(
    book: ControlCatalogue,
    kind: EvidenceKind,
    *,
    reading: Reading | None,
    stated: Mapping[str, Any],
    threshold: float | None,
) -> dict[str, Any]:
    """Return what the piece says: by being there, by its figures, by what was stated, in that order."""
    found: dict[str, Any] = dict(kind.says)
    if reading is not None:
        found.update(_read_values(kind, reading, threshold))
    for name, value in stated.items():
        if name not in kind.signals:
            raise InvalidError(
                f"Evidence of this kind does not say `{name[:60]}`.",
                fix=f"It says {', '.join(kind.signals)}.",
            )
        if name in found and name not in kind.says and found[name] != value:
            raise InvalidError(
                f"The file says that `{name}` is {found[name]}, and you say {value}.",
                why="What the file says counts.",
                fix="Leave the value out.",
            )
        found[name] = value
    for name, value in found.items():
        if problem := book.vocabulary.problem_with(name, value):
            raise InvalidError(f"`{name}` cannot be {value!r}: {problem}.", fix="Correct the value.")
    if not found:
        raise InvalidError(
            "This evidence says nothing that a control asks.",
            why="Its file names none of the figures, and none were stated.",
            fix=f"State at least one of {', '.join(kind.signals)}: `--value NAME=VALUE`.",
        )
    return found


def _read_values(kind: EvidenceKind, reading: Reading, threshold: float | None) -> dict[str, Any]:
    """Take what bears a signal's name as it is, and what each signal is read from by the kind's own table."""
    figures = dict(reading.figures)
    if threshold is not None and "score" in figures and figures.get("completed", True):
        figures["passed"] = figures["score"] >= threshold
    if figures.get("completed") is False:
        figures["passed"] = False
    found = {name: figures[name] for name in kind.signals if name in figures}
    for name, figure in kind.figures.items():
        if name not in found and figure in figures:
            found[name] = figures[figure]
    return found


def observed(reading: Reading | None, stated: datetime | None, *, now: datetime) -> datetime:
    """Return when what it says was so: the file's word, else the uploader's, else now; never later."""
    found = (reading.at if reading is not None else None) or stated or now
    if found > now + AHEAD:
        raise InvalidError(
            f"This evidence is from {found:%Y-%m-%d %H:%M} UTC, which is still to come.",
            fix="Correct the date, or the clock of the machine that wrote the file.",
        )
    return min(found, now)
