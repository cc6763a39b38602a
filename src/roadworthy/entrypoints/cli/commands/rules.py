"""Rules: what they decide on a file of facts, which there are, what each asks for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.commands.conflicts import conflicts, reopen, settle, told
from roadworthy.entrypoints.cli.session import current, every, split_ref
from roadworthy.foundation import clock
from roadworthy.foundation.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from roadworthy.rules.rulebook import Rulebook

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def rules() -> None:
    """Say which rules apply, what they ask for, and why."""


for _command in (conflicts, settle, reopen):
    rules.add_command(_command)


@rules.command(
    "decide",
    cls=Command,
    examples=(
        "roadworthy rules decide --facts facts.yaml",
        "roadworthy rules decide --facts facts.yaml --as-of 2027-12-03 -o json",
        "roadworthy rules decide --facts facts.yaml --pack contracts.yaml --pack eu.yaml",
        "roadworthy rules decide --facts facts.yaml --installed",
    ),
)
@click.option("--facts", "file", required=True, metavar="FILE", help="A mapping of facts; `-` reads stdin.")
@click.option("--as-of", type=_DAY, default=None, metavar="DATE", help="As of this day, or today.")
@click.option(
    "--pack", "packs", multiple=True, metavar="FILE",
    help="A PolicyPack, or a new version of a shipped pack; can be repeated.",
)  # fmt: skip
@click.option("--installed", is_flag=True, help="With the packs that are declared on the server, too.")
@click.option("--assume-neg", is_flag=True, help="Take what is not stated for its negative, not as unknown.")
@output.formats("table", "json", "yaml")
def decide_(
    file: str,
    as_of: datetime | None,
    packs: tuple[str, ...],
    *,
    installed: bool,
    assume_neg: bool,
    fmt: str,
) -> None:
    """Decide tier, rules and obligations from a file of facts, by the shipped packs and those you name.

    It needs no server, unless the packs of one are asked for.
    """
    from roadworthy.rules.decide import decide
    from roadworthy.rules.document import decision_document
    from roadworthy.rules.facts_file import read_facts
    from roadworthy.rules.stated import is_empty

    book = _book(packs, installed=installed)
    facts = read_facts(_text(file), book.vocabulary, file=file)
    if not assume_neg:  # as a declared use case is read: an empty list answers nothing
        facts = {name: value for name, value in facts.items() if not is_empty(value)}
    day = (as_of or clock.now()).date()
    decision = decide(facts, rulebook=book, as_of=day, assume_neg=assume_neg)
    found = decision_document(decision)
    output.show(fmt, found, lambda: _told(found))
    for warning in decision.warnings:
        output.say(warning)


def _book(packs: tuple[str, ...], *, installed: bool) -> Rulebook:
    """Return the shipped rules with those of the server and of files over them, in this order."""
    from roadworthy.rules.packs import shipped
    from roadworthy.rules.trial import laid_over, read_document

    found: list[tuple[str, dict[str, Any]]] = []
    if installed:
        declared = every(current().client(), "/v1/resources/policy-pack")
        found += [(one["metadata"]["name"], one["spec"]) for one in declared]
    found += [read_document(_text(file), file=file) for file in packs]
    return laid_over(found, under=shipped()) if found else shipped()


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidError(
            f"{file} cannot be read: {error.strerror}.", fix="Name a file of facts."
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidError(f"{file} is no UTF-8 text.", fix="Save it as UTF-8.") from error


def _told(found: Mapping[str, Any]) -> str:
    tier = (
        f"at least {found['tier']}, could be {found['could_be']}" if found["provisional"] else found["tier"]
    )
    lines = [f"Tier: {tier}", "", "Fires now:", *_listed(found["fires_now"])]
    later = [f"{one} (from {found['applies_from'][one]})" for one in found["fires_later"]]
    lines += ["", "Fires later:", *_listed(later)]
    needs = [f"{one}: {', '.join(found['missing'][one])}" for one in found["needs_info"]]
    lines += ["", "Needs information:", *_listed(needs)]
    lines += ["", "Obligations:"]
    lines += _listed(
        [f"{one['id']}  {one['kind']}: {one['name']} ({one['state']})" for one in found["obligations"]]
    )
    return "\n".join(lines)


def _listed(items: list[str]) -> list[str]:
    return [f"  {one}" for one in items] or ["  none"]


@rules.command("facts", cls=Command, examples=("roadworthy rules facts",))
@output.formats("table", "json", "yaml", "csv", "name")
def facts_(fmt: str) -> None:
    """List the facts that rules ask for, and what each takes."""
    from roadworthy.rules.packs import shipped

    book = shipped()
    rows = [
        {
            "fact": one.name,
            "kind": one.kind,
            "asked_by": one.asked_by,
            "question": one.question,
            "values": list(one.values),
            "rules": len(book.touches[one.name]),
        }
        for one in book.vocabulary.facts.values()
    ]
    columns = ("fact", "kind", "asked_by", "rules", "question")
    output.show_rows(fmt, columns, rows, whole={"items": rows}, name="fact")


@rules.command("check", cls=Command, examples=("roadworthy rules check house.yaml",))
@click.argument("file")
@output.formats("table", "json", "yaml")
def check(file: str, fmt: str) -> None:
    """Try a pack of your own without a server; propose fixtures that would pin its rules."""
    from roadworthy.rules.packs import shipped
    from roadworthy.rules.trial import try_pack

    found = try_pack(_text(file), shipped(), file=file)
    lines = [f"- {one}" for one in found["problems"]] or ["It can be installed."]
    output.show(fmt, found, lambda: "\n".join(lines))
    if fmt == "table" and found["problems"] and found["fixtures"]:
        output.say("Fixtures that would pin its rules, to be read before they are kept:")
        output.say(output.as_yaml(found["fixtures"]))
    if found["problems"]:
        raise click.exceptions.Exit(1)


@rules.command(
    "upgrade",
    cls=Command,
    examples=(
        "roadworthy rules upgrade --pack house.yaml",
        "roadworthy rules upgrade --pack eu.yaml -o json",
    ),
)
@click.option("--pack", "file", required=True, metavar="FILE", help="A PolicyPack, or a shipped pack's file.")
@output.formats("table", "json", "yaml", "csv", "name")
def upgrade(file: str, fmt: str) -> None:
    """Say exactly which use cases a pack would change, and why; nothing is saved."""
    from roadworthy.rules.trial import read_document

    name, document = read_document(_text(file), file=file)
    found = current().client().post("/v1/rules/upgrade", {"name": name, "pack": document})
    columns = ("use_case", "tier_before", "tier_after", "starts", "stops", "moves", "opens", "because")
    empty = "It changes nothing for any use case."
    output.show_rows(fmt, columns, found["items"], whole=found, name="use_case", empty=empty)


@rules.command("explain", cls=Command, examples=("roadworthy rules explain use-case/claims-triage",))
@click.argument("use_case", metavar="USE-CASE")
@output.formats("table", "json", "yaml")
def explain(use_case: str, fmt: str) -> None:
    """Say of every rule whether it applies to a use case, and why."""
    _slug, name = split_ref(use_case, kind="use-case")
    found = current().client().get(path_of("v1", "use-cases", name, "rules"))
    output.show(fmt, found, lambda: "\n".join((_told(found), "", *told(found["retention"]))))
    for warning in found["warnings"]:
        output.say(output.printable(warning))


@rules.command(
    "matrix", cls=Command, examples=("roadworthy rules matrix", "roadworthy rules matrix --jurisdiction EU")
)
@click.option("--jurisdiction", default="", help="Rules and use cases of this place alone.")
@click.option("--sector", default="", help="Use cases of this sector alone.")
@output.formats("table", "json", "yaml", "csv", "name")
def matrix(jurisdiction: str, sector: str, fmt: str) -> None:
    """Count obligations by sort of use case and kind: owed now, and to come."""
    query = urlencode({"jurisdiction": jurisdiction, "sector": sector})
    found = current().client().get(f"/v1/rules/matrix?{query}")
    columns = ("bucket", "use_cases", "now", "later", "with_open_questions")
    output.show_rows(fmt, columns, found["items"], whole=found, name="bucket", empty="There is no use case.")


@rules.command(
    "balance", cls=Command, examples=("roadworthy rules balance", "roadworthy rules balance -o csv")
)
@output.formats("table", "json", "yaml", "csv", "name")
def balance(fmt: str) -> None:
    """Say where review costs more than the risk asks for, and where something owed is not proved."""
    found = current().client().get("/v1/rules/balance")
    words = {(True, True): "both", (True, False): "too much", (False, True): "too little", (False, False): ""}
    rows = [{**one, "balance": words[one["over"], one["under"]]} for one in found["items"]]
    columns = ("use_case", "tier", "balance", "approvals", "duties", "effort_per_risk", "unproved", "fix")
    output.show_rows(fmt, columns, rows, whole=found, name="use_case", empty="There is no use case.")
    if fmt == "table":
        output.say(found["sentence"])


@rules.command("calendar", cls=Command, examples=("roadworthy rules calendar",))
@click.option("--all", "all_rules", is_flag=True, help="Dates that concern no use case too.")
@output.formats("table", "json", "yaml", "csv", "name")
def calendar(fmt: str, *, all_rules: bool) -> None:
    """List what changes on which day, and for which use cases."""
    found = current().client().get("/v1/rules/calendar")
    rows = [one for one in found["items"] if all_rules or one["use_cases"]]
    columns = ("on", "rule", "title", "what", "use_cases")
    empty = "Nothing that is known changes for a use case."
    output.show_rows(fmt, columns, rows, whole={"items": rows}, name="rule", empty=empty)


@rules.command("list", cls=Command, examples=("roadworthy rules list", "roadworthy rules list --pack eu"))
@click.option("--pack", default=None, help="Of this pack alone.")
@output.formats("table", "json", "yaml", "csv", "name")
def list_(pack: str | None, fmt: str) -> None:
    """List the shipped rules."""
    from roadworthy.rules.document import rule_document
    from roadworthy.rules.packs import shipped

    found = [rule_document(rule) for rule in shipped().rules if pack in {None, rule.pack}]
    columns = ("id", "tier_effect", "legal_status", "enforcement_status", "applies_from", "title")
    output.show_rows(fmt, columns, found, whole={"items": found}, name="id", empty="There is no such rule.")


@rules.command("show", cls=Command, examples=("roadworthy rules show us_nyc.ll144",))
@click.argument("rule")
@output.formats("table", "json", "yaml")
def show(rule: str, fmt: str) -> None:
    """Show a rule: when it applies, since when, what it asks for, and how that was confirmed."""
    from difflib import get_close_matches

    from roadworthy.rules.document import rule_document
    from roadworthy.rules.packs import shipped

    known = shipped().by_id
    if rule not in known:
        near = get_close_matches(rule, known, n=1)
        raise NotFoundError(
            f"There is no rule `{rule[:120]}`.",
            fix=f"Did you mean {near[0]}?" if near else "`roadworthy rules list` lists them.",
        )
    found = rule_document(known[rule])
    lines = [f"{key}: {output.printable(value)}" for key, value in found.items() if key != "obligations"]
    lines += [
        f"{duty['kind']} {duty['id']}: {duty['name']}; controls {', '.join(duty['controls'])}"
        for duty in found["obligations"]
    ]
    output.show(fmt, found, lambda: "\n".join(lines))
