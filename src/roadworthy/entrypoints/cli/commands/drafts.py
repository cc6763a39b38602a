"""Answers that wait for a person, and how much use cases do by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import current

_DRAFTS = ("id", "made_at", "use_case", "form", "principal", "state", "decided_by")


@click.group()
def draft() -> None:
    """Answers of models that a person releases, changes, rejects or reviews."""


@draft.command(
    "list",
    cls=Command,
    examples=("roadworthy draft list", "roadworthy draft list --use-case claims-triage --all"),
)
@click.option("--use-case", default="", help="Only of this use case.")
@click.option("--all", "every", is_flag=True, help="Those that were decided or lapsed, too.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, help="How many at most.")
@output.formats("table", "json", "yaml", "csv", "name")
def list_(use_case: str, every: bool, limit: int, fmt: str) -> None:  # noqa: FBT001  click hands it over by name
    """List what waits for a person, the oldest first."""
    found = (
        current()
        .client()
        .get("/v1/drafts", use_case=use_case, state="all" if every else "waiting", limit=limit)
    )
    output.show_rows(
        fmt, _DRAFTS, found["items"], whole=found, name="id", empty="No answer waits for a person."
    )


@draft.command("show", cls=Command, examples=("roadworthy draft show dr_0198c2b7",))
@click.argument("draft_id", metavar="DRAFT")
@click.option("--text/--no-text", default=True, help="With what was asked and answered; that is recorded.")
@output.formats("table", "json", "yaml")
def show(draft_id: str, text: bool, fmt: str) -> None:  # noqa: FBT001  click hands it over by name
    """Show a draft: how it stands, and its texts to who may decide about it."""
    client = current().client()
    found = client.get(path_of("v1", "drafts", draft_id))
    if text and found["state"] == "waiting":
        found["content"] = client.get(path_of("v1", "drafts", draft_id, "content"))
    output.show(fmt, found, lambda: _shown(found))


def _shown(found: dict[str, Any]) -> str:
    lines = [f"{name}: {output.printable(value)}" for name, value in found.items() if name != "content"]
    said = found.get("content")
    if said:
        if said["prompt"]:
            lines += ["", "Asked:", said["prompt"]]
        texts = said["texts"] or ([said["response"]] if said["response"] else [])
        for place, one in enumerate(texts, start=1):
            lines += ["", f"Answered, part {place}:" if len(texts) > 1 else "Answered:", one]
        if not texts:
            lines += ["", "The answer is not kept here."]
    return "\n".join(lines)


@draft.command(
    "release",
    cls=Command,
    examples=(
        "roadworthy draft release dr_0198c2b7",
        'roadworthy draft release dr_0198c2b7 --text better.txt --reason "The amount was wrong."',
    ),
)
@click.argument("draft_id", metavar="DRAFT")
@click.option(
    "--text",
    "files",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="Release it with the text in this file; once for each text of the answer, in order.",
)
@click.option("--edited", is_flag=True, help="It was changed where its caller shows it.")
@click.option("--reason", default="", help="Why; needed for a change.")
@output.formats("table", "json")
def release(draft_id: str, files: tuple[Path, ...], edited: bool, reason: str, fmt: str) -> None:  # noqa: FBT001
    """Release an answer as it is, or with changes. Never one to a call of your own."""
    body: dict[str, Any] = {"verdict": "edited" if files or edited else "accepted", "reason": reason}
    if files:
        body["texts"] = [one.read_text(encoding="utf-8") for one in files]
    _decide(draft_id, body, fmt)


@draft.command(
    "reject", cls=Command, examples=('roadworthy draft reject dr_0198c2b7 --reason "It names a wrong rule."',)
)
@click.argument("draft_id", metavar="DRAFT")
@click.option("--reason", required=True, help="Why.")
@output.formats("table", "json")
def reject(draft_id: str, reason: str, fmt: str) -> None:
    """Reject an answer: nothing may follow from it."""
    _decide(draft_id, {"verdict": "rejected", "reason": reason}, fmt)


def _decide(draft_id: str, body: dict[str, Any], fmt: str) -> None:
    done = current().client().post(path_of("v1", "drafts", draft_id, "decide"), body)
    output.show(fmt, done, lambda: f"Draft {done['id']} is {done['state']}: {done['verdict']}.")


@click.group()
def autonomy() -> None:
    """How much use cases do by themselves, and what they have earned."""


@autonomy.command(
    "show",
    cls=Command,
    examples=("roadworthy autonomy show claims-triage", "roadworthy autonomy show claims-triage -o json"),
)
@click.argument("use_case", metavar="USE-CASE")
@output.formats("table", "json", "yaml")
def show_autonomy(use_case: str, fmt: str) -> None:
    """Show what is declared, what the tier allows, what was earned and what is in force, and why."""
    name = use_case.removeprefix("use-case/")
    found = current().client().get(path_of("v1", "use-cases", name, "autonomy"))
    output.show(fmt, found, lambda: _standing(found))


def _standing(found: dict[str, Any]) -> str:
    measured = found["measured"]
    lines = [
        f"in force: {found['effective']}",
        f"declared: {found['declared']}",
        f"ceiling of tier {found['tier']}: {found['ceiling']}",
        f"earned: {found['earned']} ({found['earned_because']})",
        found["why"],
        measured["sentence"],
    ]
    for bar in found["bars"]:
        met = "met" if bar["met"] else "not met"
        lines.append(
            f"{bar['level']} takes {bar['reviews']} decisions and {bar['share']:.0%} at least: {met}"
        )
    if found["proposed"]:
        lines.append(
            f"It can be raised: roadworthy autonomy raise {found['use_case']} --to {found['proposed']} "
            '--reason "Why"'
        )
    return "\n".join(lines)


@autonomy.command(
    "raise",
    cls=Command,
    examples=('roadworthy autonomy raise claims-triage --to supervise --reason "Two clean months."',),
)
@click.argument("use_case", metavar="USE-CASE")
@click.option("--to", "level", type=click.Choice(["supervise", "automate"]), required=True, help="The level.")
@click.option("--reason", required=True, help="Why.")
@output.formats("table", "json")
def raise_(use_case: str, level: str, reason: str, fmt: str) -> None:
    """Raise a use case to the next level, where what people did with its answers speaks for it."""
    _set(use_case, level, reason, fmt)


@autonomy.command(
    "lower",
    cls=Command,
    examples=('roadworthy autonomy lower claims-triage --to assist --reason "A complaint."',),
)
@click.argument("use_case", metavar="USE-CASE")
@click.option("--to", "level", type=click.Choice(["assist", "supervise"]), required=True, help="The level.")
@click.option("--reason", required=True, help="Why.")
@output.formats("table", "json")
def lower(use_case: str, level: str, reason: str, fmt: str) -> None:
    """Lower a use case at once; gateways know with the next call."""
    _set(use_case, level, reason, fmt)


def _set(use_case: str, level: str, reason: str, fmt: str) -> None:
    name = use_case.removeprefix("use-case/")
    done = (
        current()
        .client()
        .post(path_of("v1", "use-cases", name, "autonomy"), {"level": level, "reason": reason})
    )
    output.show(
        fmt, done, lambda: f"use-case/{name} has earned {done['earned']}; in force: {done['effective']}."
    )
