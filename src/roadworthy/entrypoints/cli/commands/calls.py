"""Governed calls: what was asked of the gateway, what it decided and why."""

from __future__ import annotations

from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import current, read_manifests

_COLUMNS = (
    "at", "id", "principal", "use_case", "decision", "reason_code", "model", "output_tokens", "latency_ms",
)  # fmt: skip


@command(
    "traces",
    "roadworthy traces",
    "roadworthy traces --use-case claims-triage --limit 20",
    "roadworthy traces --decision refused -o json",
    "roadworthy traces --model small --cost-over 0.05 --since 2026-11-01T00:00:00Z",
    "roadworthy traces --tried small --attempt-error connect_failed",
    'roadworthy traces --text "delayed baggage"',
)
@click.option("--use-case", default="", help="Of this use case alone.")
@click.option("--principal", default="", help="Of this caller alone.")
@click.option("--key-id", "key_id", default="", help="With the key of this id alone.")
@click.option("--model", default="", help="Answered by this model alone.")
@click.option("--route", default="", help="Through this route alone.")
@click.option("--provider", default="", help="Answered by this provider alone.")
@click.option("--decision", type=click.Choice(["allowed", "refused"]), help="Decided so alone.")
@click.option("--reason", "reason_code", default="", help="Refused for this reason alone.")
@click.option("--error", default="", help="Ended with this error alone.")
@click.option("--tried", default="", help="In which this model was asked, whether or not it answered.")
@click.option("--attempt-error", default="", help="With an attempt that failed so: a code, or a status.")
@click.option("--status", type=click.IntRange(100, 599), help="Answered with this status alone.")
@click.option("--failed", is_flag=True, default=None, help="Let through and come to nothing.")
@click.option("--tag", type=click.Choice(["production", "shadow", "replay"]), help="Of this kind alone.")
@click.option("--cost-over", type=click.FloatRange(0), help="Dearer than this amount of its currency.")
@click.option("--slower-than", type=click.FloatRange(0), help="Slower than so many milliseconds.")
@click.option("--since", help="From this time on, as 2026-11-23T10:00:00Z.")
@click.option("--until", help="Before this time.")
@click.option("--id", "id_prefix", default="", help="Whose trace id begins so.")
@click.option("--text", help="In which this was said; for who may read content, and recorded.")
@click.option("--before", help="The cursor that the page before ended with.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many.")
@output.formats("table", "json", "yaml", "csv", "name")
def traces(fmt: str, cost_over: float | None, slower_than: float | None, **narrowed: Any) -> None:
    """List governed calls, newest first, narrowed by anything that is known of them."""
    if cost_over is not None:
        narrowed["cost_over_nano"] = round(cost_over * 1_000_000_000)
    narrowed["latency_over_ms"] = slower_than
    path = "/v1/contents" if narrowed["text"] else "/v1/traces"
    asked = {name: value for name, value in narrowed.items() if value not in (None, "")}
    found: dict[str, Any] = current().client().get(path, **asked)
    items = found["items"]
    rows = [{**one, "at": str(one["at"])[:19]} for one in items]
    output.show_rows(fmt, _COLUMNS, rows, whole=found, name="id", empty="No calls yet.")


@command(
    "trace",
    "roadworthy trace tr_01…",
    "roadworthy trace tr_01… -o json",
    "roadworthy trace tr_01… --content",
)
@click.argument("id_", metavar="ID")
@click.option("--content", is_flag=True, help="What was said, too; that you read it is recorded.")
@output.formats("table", "json", "yaml")
def trace(id_: str, content: bool, fmt: str) -> None:  # noqa: FBT001  an option
    """Show one call: who, for what, the decision with its reasons, the model, tokens, cost, latency.

    The ID is in the headers of every answer of the gateway, refusals included.
    """
    client = current().client()
    found: dict[str, Any] = client.get(path_of("v1", "traces", id_))
    if content:
        found["content"] = client.get(path_of("v1", "traces", id_, "content"))
    output.show(fmt, found, lambda: "\n".join(_lines(for_people(found))))


def for_people(found: dict[str, Any]) -> dict[str, Any]:
    """Return a trace as people read it: what is empty left out, money as money, the choice in sentences."""
    from roadworthy.gateway.why import explained

    shown = {name: value for name, value in found.items() if value not in (None, "", [], {})}
    if (cost := shown.pop("cost_nano", None)) is not None:
        shown["cost"] = f"{_known('cost_nano', cost)} {shown.pop('currency', '')}".strip()
    if "why" in shown:
        shown["how the route chose"] = " ".join(explained(shown.pop("why")))
    return shown


@command(
    "replay",
    "roadworthy replay tr_01…",
    "roadworthy replay tr_01… --dry",
    "roadworthy replay tr_01… --config candidate/ --dry",
    "roadworthy replay tr_01… --model large -o json",
)
@click.argument("id_", metavar="ID")
@click.option(
    "--config", "files", multiple=True, metavar="FILE|DIR",
    help="Models, routes, filters and policies in place of those in force. Can be repeated.",
)  # fmt: skip
@click.option("--model", default="", help="Ask for this model or route in place of the call's own.")
@click.option("--dry", is_flag=True, help="Ask no model: access, filters and route alone.")
@output.formats("table", "json", "yaml")
def replay(id_: str, files: tuple[str, ...], model: str, fmt: str, *, dry: bool) -> None:
    """Run a past call again under today's or a candidate configuration, and show what differs.

    It counts against its caller's limits and budgets, is recorded as a replay and counted in no scorecard.
    That what was said was read for it is in the audit log.
    """
    asked = {"dry": dry, "model": model, "candidate": read_manifests(files)}
    found: dict[str, Any] = current().client().post(path_of("v1", "traces", id_, "replay"), asked)
    output.show(fmt, found, lambda: "\n".join(_replayed(found)))


def _replayed(found: dict[str, Any]) -> list[str]:
    """Say what differs: each line that does is marked."""
    lines = []
    if found["refused"]:
        word = "It would be refused" if found["dry"] else "It was refused"
        lines.append(f"{word} because: {found['refused']} {found['next_step']}".strip())
    for one in found["fields"]:
        if one["name"] == "response":
            continue
        before, after = (_known(one["name"], one[side]) for side in ("before", "after"))
        shown = f"{before} -> {after}" if one["differs"] or one["name"] == "latency_ms" else before
        lines.append(f"{'~' if one['differs'] else '='} {one['title']}: {shown}")
    if found["output_diff"]:
        lines += ["~ What was answered:", *map(output.printable, found["output_diff"].splitlines())]
    elif not found["dry"]:
        lines.append("= What was answered: word for word the same")
    lines += found["notes"]
    if found["replay"]:
        lines.append(f"Its own trace: roadworthy trace {found['replay']}")
    return lines


def _known(name: str, value: Any) -> str:
    """Return a value as people read it: the currency stands in a line of its own."""
    if name == "cost_nano" and value is not None:
        return f"{value / 1e9:.9f}".rstrip("0").rstrip(".")
    if name == "latency_ms" and value is not None:
        return f"{value:,.0f} ms"
    return _short(value)


def _short(value: Any) -> str:
    if value in (None, "", []):
        return "-"
    return output.printable("; ".join(map(str, value)) if isinstance(value, list) else value)


def _lines(value: Any, indent: str = "") -> list[str]:
    lines: list[str] = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value, 1)
    for key, inner in pairs:
        label = str(key).replace("_", " ")
        if isinstance(inner, dict | list) and inner and not all(isinstance(one, str) for one in inner):
            lines += [f"{indent}{label}:", *_lines(inner, indent + "  ")]
        elif isinstance(inner, list):
            lines.append(f"{indent}{label}: {', '.join(map(output.printable, inner)) or '-'}")
        elif isinstance(inner, dict):
            lines += (
                [f"{indent}{label}:", *_lines(inner, indent + "  ")] if inner else [f"{indent}{label}: -"]
            )
        else:
            lines.append(f"{indent}{label}: {output.printable(inner)}")
    return lines
