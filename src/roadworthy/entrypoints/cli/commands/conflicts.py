"""Rules that cannot both be kept: which there are, and what somebody decides about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import current, split_ref

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command("conflicts", cls=Command, examples=("roadworthy rules conflicts",))
@output.formats("table", "json", "yaml", "csv", "name")
def conflicts(fmt: str) -> None:
    """List the use cases with rules that cannot both be kept, and how far that is decided."""
    found = current().client().get("/v1/rules-conflicts")
    rows = [
        {**one, "decided": sum(each["state"] == "in force" for each in one["decisions"])}
        for one in found["items"]
    ]
    columns = ("use_case", "conflict", "floor", "floor_of", "ceiling", "ceiling_of", "decided")
    output.show_rows(
        fmt, columns, rows, whole=found, name="use_case", empty="No two rules contradict each other."
    )


@click.command(
    "settle",
    cls=Command,
    examples=(
        "roadworthy rules settle hiring --prevails floor --review-on 2027-06-01 --because 'Memo of counsel.'",
    ),
)
@click.argument("use_case", metavar="USE-CASE")
@click.option(
    "--prevails", type=click.Choice(["floor", "ceiling"]), required=True,
    help="`floor`: what has to be kept; `ceiling`: what may be kept.",
)  # fmt: skip
@click.option("--because", required=True, help="Why, and on whose advice.")
@click.option(
    "--review-on", type=_DAY, required=True, metavar="DATE", help="From then on it no longer counts."
)
@click.option("--days", type=click.IntRange(1), help="How many days a ceiling in words is taken to be.")
@output.formats("table", "json", "yaml")
def settle(
    use_case: str, prevails: str, because: str, *, review_on: datetime, days: int | None, fmt: str
) -> None:
    """Decide, in your name, which of two rules about keeping records prevails for a use case."""
    _slug, name = split_ref(use_case, kind="use-case")
    body = {"prevails": prevails, "justification": because, "review_on": review_on.date().isoformat()}
    if days is not None:
        body["days"] = days  # type: ignore[assignment]
    found = current().client().post(path_of("v1", "use-cases", name, "conflicts"), body)
    output.show(fmt, found, lambda: "\n".join(told(found["retention"])))


@click.command(
    "reopen",
    cls=Command,
    examples=("roadworthy rules reopen use-case/hiring ev_01 --because 'The law changed.'",),
)
@click.argument("use_case", metavar="USE-CASE")
@click.argument("decision")
@click.option("--because", required=True, help="What was wrong with it.")
@output.formats("table", "json", "yaml")
def reopen(use_case: str, decision: str, because: str, fmt: str) -> None:
    """Take a decision between two rules back: the conflict stands open again."""
    _slug, name = split_ref(use_case, kind="use-case")
    path = path_of("v1", "use-cases", name, "conflicts", decision, "reopen")
    found = current().client().post(path, {"reason": because})
    output.show(fmt, found, lambda: "\n".join(told(found["retention"])))


def told(kept: Mapping[str, Any]) -> Iterator[str]:
    """Yield how long records are kept, what is open, and what was decided, as lines."""
    limits = [f"at least {kept['floor']} ({kept['floor_of']})"] if kept["floor"] else []
    limits += [f"at most {kept['ceiling']} ({kept['ceiling_of']})"] if kept["ceiling"] else []
    yield f"Records are kept {' and '.join(limits)}." if limits else "No rule says how long records are kept."
    if kept["conflict"]:
        yield f"Somebody has to decide: {kept['conflict']}"
    for one in kept["decisions"]:
        days = f", as {one['days']} days" if one["days"] is not None else ""
        yield output.printable(
            f"{one['id']}  {one['state']}: the {one['prevails']} prevails{days}, by {one['by']} until "
            f"{one['review_on']}. {one['justification']}"
        )
