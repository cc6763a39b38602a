"""Filters: how they stand, a text on trial, appeals against them, and calls they hold for a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import current

_TEXT_MAX = 100_000
_APPEALS = ("call", "filters", "by", "because", "verdict")
_HOLDS = ("call", "filters", "use_case", "principal", "verdict")


@click.group(name="filter")
def filter_() -> None:
    """Look at filters, try them on a text, measure them."""


@filter_.command("list", cls=Command, examples=("roadworthy filter list",))
@output.formats("table", "json", "yaml", "csv", "name")
def list_(fmt: str) -> None:
    """List filters: what each found in 30 days, how often it was wrong, what was measured of it."""
    found = current().client().get("/v1/filters")
    columns = (
        "name", "calls", "blocked", "false_positive_rate", "open_appeals",
        "recall", "false_positives", "negatives", "us_per_kb",
    )  # fmt: skip
    rows = [{**one, "recall": _short(one["recall"])} for one in found["items"]]
    output.show_rows(fmt, columns, rows, whole=found, name="name", empty="There is no filter.")


def _short(share: float | None) -> str | None:
    return None if share is None else f"{share:.3f}"


@filter_.command("show", cls=Command, examples=("roadworthy filter show secrets",))
@click.argument("name")
@output.formats("table", "json", "yaml")
def show(name: str, fmt: str) -> None:
    """Show what a filter looks for, who asks for it, what it found."""
    found = current().client().get(path_of("v1", "filters", name))
    lines = "\n".join(
        f"{key}: {output.printable(value)}" for key, value in found.items() if key not in {"uses", "found"}
    )
    output.show(fmt, found, lambda: lines)


@filter_.command(
    "try",
    cls=Command,
    examples=(
        "roadworthy filter try < letter.txt",
        "roadworthy filter try --use-case claims-triage < letter.txt",
    ),
)
@click.option("--use-case", default=None, help="Read it with the filters of this use case's grant.")
@click.option(
    "--side", type=click.Choice(["input", "output"]), default="input", help="As a request or an answer."
)
@output.formats("table", "json")
def try_(use_case: str | None, side: str, fmt: str) -> None:
    """Read a text from the standard input as filters would; nothing of it is kept."""
    body = {"text": sys.stdin.read(_TEXT_MAX), "use_case": use_case, "side": side}
    found = current().client().post("/v1/filters/try", body)
    output.show(fmt, found, lambda: found["text"] or found["refused"] or "")
    if fmt == "table":
        for one in found["found"]:
            output.say(f"{one['filter']}: {one['kind']} x {one['count']}, {one['action']}")


@filter_.command(
    "measure",
    cls=Command,
    examples=("roadworthy filter measure", "roadworthy filter measure --out report.json"),
)
@click.option("--out", type=click.Path(dir_okay=False), default=None, help="Write the report here.")
@click.option("--seed", type=int, default=20_260, help="Which texts are generated.")
@output.formats("table", "json")
def measure(out: str | None, seed: int, fmt: str) -> None:
    """Measure the built-in recognisers here and now: on generated texts, so speed says more than recall."""
    from roadworthy.gateway.filters import measuring  # compiles all patterns, so only here

    report = measuring.measure(seed=seed)
    data = measuring.as_json(report)
    if out is not None:
        Path(out).write_bytes(data + b"\n")
    rows: list[dict[str, Any]] = [
        {
            "recogniser": name,
            "recall": f"{one.found / one.positives:.3f}" if one.positives else "",
            "of": one.positives,
            "false_alarms": one.false_positives,
            "in_texts": one.negatives,
        }
        for name, one in report.recognisers.items()
    ]
    whole = {
        "items": rows,
        "us_per_kb_clean": report.us_per_kb_clean,
        "us_per_kb_dirty": report.us_per_kb_dirty,
    }
    columns = ("recogniser", "recall", "of", "false_alarms", "in_texts")
    output.show_rows(fmt, columns, rows, whole=whole, name="recogniser", empty="Nothing was measured.")
    if fmt == "table":
        output.say(
            f"{report.us_per_kb_clean:.1f} µs for a clean kB, {report.us_per_kb_dirty:.1f} µs for a full one."
        )


@click.group()
def appeal() -> None:
    """Appeal what a filter blocked; decide appeals."""


@appeal.command("make", cls=Command, examples=('roadworthy appeal make TRACE --because "An order number."',))
@click.argument("call")
@click.option("--because", required=True, help="What the text was; not the text itself if it is personal.")
@output.formats("table", "json")
def make(call: str, because: str, fmt: str) -> None:
    """Say that a filter was wrong about a call."""
    made = current().client().post("/v1/appeals", {"call": call, "because": because})
    output.show(fmt, made, lambda: f"Call {call} is appealed against {', '.join(made['filters'])}.")


@appeal.command("list", cls=Command, examples=("roadworthy appeal list",))
@output.formats("table", "json", "yaml", "csv", "name")
def appeals(fmt: str) -> None:
    """List appeals, newest first."""
    found = current().client().get("/v1/appeals")
    output.show_rows(fmt, _APPEALS, found["items"], whole=found, name="call", empty="Nobody has appealed.")


@appeal.command(
    "overturn", cls=Command, examples=('roadworthy appeal overturn TRACE --reason "An order number."',)
)
@click.argument("call")
@click.option("--reason", required=True, help="Why the filter was wrong.")
@output.formats("table", "json")
def overturn(call: str, reason: str, fmt: str) -> None:
    """Say that the filter was wrong; its rate of false positives moves."""
    _decide_appeal(call, "overturned", reason, fmt)


@appeal.command("uphold", cls=Command, examples=('roadworthy appeal uphold TRACE --reason "It is a card."',))
@click.argument("call")
@click.option("--reason", required=True, help="Why the filter was right.")
@output.formats("table", "json")
def uphold(call: str, reason: str, fmt: str) -> None:
    """Say that the filter was right."""
    _decide_appeal(call, "upheld", reason, fmt)


def _decide_appeal(call: str, verdict: str, reason: str, fmt: str) -> None:
    body = {"verdict": verdict, "reason": reason}
    done = current().client().post(path_of("v1", "appeals", call, "decide"), body)
    output.show(fmt, done, lambda: f"The appeal of call {call} is decided: {verdict}.")


@click.group()
def hold() -> None:
    """Calls that a filter holds until a person has looked at them."""


@hold.command("list", cls=Command, examples=("roadworthy hold list",))
@output.formats("table", "json", "yaml", "csv", "name")
def holds(fmt: str) -> None:
    """List the newest held calls."""
    found = current().client().get("/v1/holds")
    output.show_rows(fmt, _HOLDS, found["items"], whole=found, name="call", empty="No call is held.")


@hold.command(
    "approve", cls=Command, examples=('roadworthy hold approve TRACE --reason "A test card." --hours 8',)
)
@click.argument("call")
@click.option("--reason", required=True, help="Why it may pass.")
@click.option("--hours", type=click.IntRange(1, 720), default=24, help="How long the same content may pass.")
@output.formats("table", "json")
def approve(call: str, reason: str, hours: int, fmt: str) -> None:
    """Let the very same content pass for some hours."""
    body = {"verdict": "approved", "reason": reason, "hours": hours}
    done = current().client().post(path_of("v1", "holds", call, "decide"), body)
    output.show(fmt, done, lambda: f"Call {call} may be sent again until {done['until']}.")


@hold.command(
    "refuse", cls=Command, examples=('roadworthy hold refuse TRACE --reason "Real customer data."',)
)
@click.argument("call")
@click.option("--reason", required=True, help="Why it may not.")
@output.formats("table", "json")
def refuse(call: str, reason: str, fmt: str) -> None:
    """Refuse a held call."""
    body = {"verdict": "refused", "reason": reason}
    done = current().client().post(path_of("v1", "holds", call, "decide"), body)
    output.show(fmt, done, lambda: f"Call {call} stays refused.")
