"""Kill switches: stop something at once, let it run again, list what is stopped."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import current
from roadworthy.foundation import clock

_COLUMNS = ("of", "reason", "by", "at", "until", "who_can_revive")


@command(
    "kill",
    'roadworthy kill model/large --reason "It answers with other people\'s data" --yes',
    'roadworthy kill use-case/claims-triage --reason "Wrong decisions since noon" --hours 24',
    'roadworthy kill provider/acme --reason "Outage" --until 2026-11-24T08:00:00Z',
)
@click.argument("what", metavar="KIND/NAME")
@click.option("--reason", required=True, help="What happened; everybody whose call is refused reads it.")
@click.option("--until", default=None, help="When it ends by itself, as 2026-11-24T08:00:00Z.")
@click.option("--hours", type=click.IntRange(1, 24 * 365), help="Instead: after so many hours.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.formats("table", "json")
def kill(what: str, reason: str, until: str | None, hours: int | None, fmt: str, *, yes: bool) -> None:
    """Stop a use case, route, model, provider, service account, person, API key or filter at once.

    The next call that rests on it is refused on every gateway; streams under way are cut off.
    """
    if until and hours:
        raise click.UsageError("Say --until or --hours, not both.")
    if hours:
        until = (clock.now() + timedelta(hours=hours)).isoformat()
    if not yes:
        current().confirm(f"Stop {what} on every gateway? Calls that rest on it are refused at once.")
    body: dict[str, Any] = {"of": what, "reason": reason, "until": until}
    done = current().client().post("/v1/switches/kill", body)
    ends = f" until {datetime.fromisoformat(done['until']):%Y-%m-%d %H:%M} UTC" if done["until"] else ""
    output.show(
        fmt, done, lambda: f"{done['of']} is stopped{ends}. `roadworthy revive {done['of']}` ends it."
    )


@command("revive", 'roadworthy revive model/large --reason "The provider repaired it"')
@click.argument("what", metavar="KIND/NAME")
@click.option("--reason", default="", help="Why it may run again; kept in the audit log.")
@output.formats("table", "json")
def revive(what: str, reason: str, fmt: str) -> None:
    """Let something that was stopped run again."""
    done = current().client().post("/v1/switches/revive", {"of": what, "reason": reason})
    output.show(fmt, done, lambda: f"{done['of']} runs again.")


@command("switches", "roadworthy switches", "roadworthy switches -o json")
@output.formats("table", "json", "yaml", "csv", "name")
def switches(fmt: str) -> None:
    """List what is stopped: by whom, why, since when, until when, who can revive it."""
    found = current().client().get("/v1/switches")
    rows = [
        {
            **one,
            "at": one["at"][:19],
            "until": (one["until"] or "")[:19],
            "who_can_revive": ", ".join(one["who_can_revive"]),
        }
        for one in found["items"]
    ]
    output.show_rows(fmt, _COLUMNS, rows, whole=found, name="of", empty="Nothing is stopped.")
