"""Declarations tried on the calls of the last days, before they are applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import current, read_manifests
from roadworthy.foundation.errors import InvalidError

_COLUMNS = ("what", "calls", "use_case", "callers", "by", "statement", "cost_nano", "currency", "latency_ms",
            "example")  # fmt: skip


@click.command(
    "backtest",
    cls=Command,
    examples=(
        "roadworthy backtest -f policies/ --days 7",
        "roadworthy backtest --stop route/default",
        "roadworthy backtest --pack eu.yaml -o json",
    ),
)
@click.option(
    "-f", "--file", "files", multiple=True, metavar="FILE|FOLDER|-",
    help="Declarations of any kind that would be applied; can be repeated.",
)  # fmt: skip
@click.option("--remove", multiple=True, metavar="REF", help="What would no longer be declared.")
@click.option("--stop", multiple=True, metavar="REF", help="What a kill switch would stop.")
@click.option("--pack", metavar="FILE", help="A new version of a shipped pack of rules.")
@click.option("--days", type=click.IntRange(1, 90), default=7, help="How far back.")
@output.formats("table", "json", "yaml", "csv")
def backtest(
    files: tuple[str, ...],
    remove: tuple[str, ...],
    stop: tuple[str, ...],
    *,
    pack: str | None,
    days: int,
    fmt: str,
) -> None:
    """Say what declarations would have done to the calls of the last days; applies nothing."""
    body = {"remove": list(remove), "stop": list(stop), "days": days}
    if files:
        body["files"] = read_manifests(files)
    if pack is not None:
        body["pack"] = _pack(pack)
    found = current().client().post("/v1/backtests", body)
    rows = [{**one, "callers": _callers(one["callers"])} for one in found["groups"]]
    output.show_rows(fmt, _COLUMNS, rows, whole=found, name="example", empty="Nothing would have differed.")
    if fmt == "table":
        for line in _told(found):
            output.say(line)


def _pack(file: str) -> dict[str, Any]:
    from roadworthy.rules.trial import read_document

    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"{file} cannot be read.", why=str(error), fix="Name a pack's file.") from error
    name, document = read_document(text, file=file)
    if name:
        raise InvalidError(
            f"{file} declares a PolicyPack, which is no shipped pack.",
            fix=f"Try it as any declaration: `roadworthy backtest -f {file}`.",
        )
    return document


def _callers(callers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in callers.items())


def _told(found: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Of {found['calls']} calls of {found['days']} days: {found['refused']} refused, {found['allowed']} "
        f"newly allowed, {found['moved']} moved to another model, {found['masked']} newly masked, "
        f"{found['unmasked']} no longer masked, {found['unknown']} that cannot be said."
    )
    texts = found["texts"]
    if texts is not None:
        pace = texts["us_per_kb_then"]
        took = f", at {pace} µs for a kilobyte ({texts['us_per_kb_now']} µs today)" if pace else ""
        yield f"Filters read {texts['read']} calls once more{took}."
        yield f"Of {texts['by_record']} further calls the record alone says it."
        for why, count in texts["missing"].items():
            yield f"{count} could not be read: {why}."
        if texts["asks_models"]:
            yield "A guard model would be asked as well; none was."
    yield from found["notes"]
    for one in found["use_cases"]:
        tier = f"{one['tier_before'] or 'none'} to {one['tier_after'] or 'none'}"
        if one["tier_before"] == one["tier_after"]:
            tier = f"stays {one['tier_after']}"
        grant = f"its grant {one['grant']}" if one["grant"] else "its grant stays"
        yield f"use-case/{one['use_case']}: tier {tier}; {grant}. {' '.join(one['because'])}".rstrip()
    if found["cut_off_at"]:
        yield f"Only the newest {found['cut_off_at']} calls were looked at."
