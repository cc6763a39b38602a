"""Days and moments as people write them on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

from roadworthy.foundation import clock

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}$")


def past(text: str) -> str:
    """Read a day or moment that has begun; of today, what stands now."""
    at, now = datetime.fromisoformat(moment(text)), clock.now()
    if at <= now:
        return at.isoformat()
    if _DAY.match(text) and at - timedelta(days=1) <= now:
        return ""
    raise click.UsageError(f"`{text}` lies in the future: what is answered is how it stood.")


def moment(text: str) -> str:
    """Read a day, which means its end, or a moment; one without a zone is in UTC."""
    try:
        if _DAY.match(text):
            return (datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)).isoformat()
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise click.UsageError(f"`{text}` is no date: write 2026-12-31 or 2026-12-31T18:00:00Z.") from error
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).isoformat()
