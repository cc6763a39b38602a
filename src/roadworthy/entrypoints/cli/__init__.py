"""The command line: a tree whose commands are loaded when they are used, so that it starts at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from roadworthy.entrypoints.api_client import ApiError

_HOME = "roadworthy.entrypoints.cli.commands"
# Command -> (module, attribute, one line). The line stands here so that `--help` loads none of them.
_COMMANDS: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "Start": {
        "demo": ("demo", "demo", "Walk the whole loop with a sample company and a real small model."),
        "init": ("starter", "init", "Write a commented first declaration to start from."),
        "serve": ("processes", "serve", "Run the console, the API and the gateway together."),
        "control": ("processes", "control", "Run the console and the API alone."),
        "gateway": ("gateway", "gateway", "Run the gateway alone, from the database or from a folder."),
        "doctor": ("doctor", "doctor", "Check this installation and say what to repair."),
    },
    "Sign in": {
        "sign-in": ("sign_in", "sign_in", "Exchange a one-time link for a token."),
        "sign-in-link": ("sign_in", "sign_in_link", "Make a one-time sign-in link for a person."),
        "whoami": ("sign_in", "whoami", "Say who you are and what you may do."),
    },
    "Declare": {
        "validate": ("declare", "validate", "Check files against the schemas, without a server."),
        "plan": ("declare", "plan", "Show what applying files would change."),
        "apply": ("declare", "apply", "Apply files, or exactly a saved plan."),
        "get": ("resources", "get", "Show what is declared."),
        "delete": ("resources", "delete", "Delete a declared resource; its history stays."),
        "adopt": ("resources", "adopt", "Change what manages a resource: files or the console."),
        "export": ("resources", "export", "Write every declaration as YAML."),
        "history": ("resources", "history", "List the versions of a resource."),
        "diff": ("resources", "diff", "Compare two versions of a resource."),
        "rollback": ("resources", "rollback", "Declare again what an earlier version said."),
        "kinds": ("resources", "kinds", "List what can be declared."),
        "explain-kind": ("resources", "explain_kind", "Describe the fields of a kind."),
    },
    "Govern": {
        "new": ("blueprints", "new", "Start a use case from a blueprint."),
        "owners": ("owners", "owners", "List where nobody answers for a use case."),
        "lead-time": ("lead_time", "lead_time", "Say how long it took from the idea to the first call."),
        "waiting": ("lead_time", "waiting", "List the approvals that are waited for."),
        "blueprint": ("blueprints", "blueprint", "Publish proven use cases as patterns."),
        "rules": ("rules", "rules", "Say which rules apply, what they ask for, and why."),
        "explain": ("govern", "explain", "Say what blocks a use case, or which model a route asks."),
        "approve": ("govern", "approve", "Approve a use case in one of your roles."),
        "refuse": ("govern", "refuse", "Refuse a use case in one of your roles."),
        "dissent": ("govern", "dissent", "Be on record against a use case without blocking it."),
        "delegate": ("govern", "delegate", "Let somebody approve in your name while you are away."),
        "withdraw": ("govern", "withdraw", "Take back an approval you gave."),
        "controls": ("controls", "controls", "Look at controls and answer them for a use case."),
        "evidence": ("evidence", "evidence", "File evidence from outside, list it, get it back."),
        "gate": ("gates", "gate", "Check use cases against the gates of their stage."),
        "grant": ("grants", "grant", "Show what allows a use case to call; check one that is shown."),
        "exception": ("gates", "exception", "Ask for, grant and end exceptions to a checklist."),
        "draft": ("drafts", "draft", "Release, change, reject and review answers of models."),
        "autonomy": ("drafts", "autonomy", "Say how much use cases do by themselves, and raise it."),
        "needs-you": ("govern", "needs_you", "List what waits for you."),
        "inventory": (
            "inventory",
            "inventory",
            "Take in a list of use cases made elsewhere, and report on it.",
        ),
        "policy": ("policy", "policy", "Write, test and explain access policies."),
        "backtest": ("backtest", "backtest", "Try declarations on the calls of the last days."),
        "who-can": ("access", "who_can", "Say who can call a model or a route."),
        "what-can": ("access", "what_can", "Say what a person or service account can call."),
        "key": ("access", "key", "Issue, list, rotate and revoke API keys."),
        "secret": ("secrets", "secret", "Set, list and remove the sealed keys of providers."),
    },
    "Operate": {
        "budget": ("budgets", "budget", "Say what is used and left of limits and budgets."),
        "reconcile": ("budgets", "reconcile", "Compare the ledger with a provider's invoice."),
        "kill": ("switches", "kill", "Stop something at once, on every gateway."),
        "revive": ("switches", "revive", "Let something that was stopped run again."),
        "switches": ("switches", "switches", "List what is stopped."),
        "filter": ("filters", "filter_", "Look at filters, try them on a text, measure them."),
        "appeal": ("filters", "appeal", "Appeal what a filter blocked; decide appeals."),
        "hold": ("filters", "hold", "Decide about calls that a filter holds."),
    },
    "Prove": {
        "traces": ("calls", "traces", "List governed calls."),
        "trace": ("calls", "trace", "Show one governed call and why it was decided so."),
        "replay": ("calls", "replay", "Run a past call again and show what differs."),
        "measure": ("measure", "measure", "Import measurements."),
        "effect": ("effect", "effect", "Say what changed: of an outcome, or of a table of your own."),
        "scorecard": ("measure", "scorecard", "Show the five layers of a use case."),
        "audit": ("audit", "audit", "Verify and read the log of every change."),
    },
    "Tools": {
        "completion": ("tools", "completion", "Write the completion script of your shell."),
        "openapi": ("tools", "openapi", "Write the description of the API."),
    },
}
_PLACES = {name: place for group in _COMMANDS.values() for name, place in group.items()}


_EXAMPLES = (
    ("roadworthy demo", "a sample company, ready to walk through"),
    ("roadworthy plan -f declarations/", "what would change"),
    ("roadworthy explain use-case/claims-triage", "what is between it and its first call"),
)
_EXIT_CODES = (
    ("0", "done"),
    ("1", "error"),
    ("2", "wrong usage; or changes, under `plan --detailed-exitcode`"),
    ("3", "blocked by a rule or a missing approval, or the log does not verify"),
    ("4", "not signed in, or not allowed"),
    ("5", "inconclusive"),
    ("6", "overtaken by another change"),
    ("130", "interrupted"),
)


class LazyGroup(click.Group):
    """Knows its commands by name and line; loads one when it is called."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the text."""
        with formatter.section("Examples"):
            formatter.write_dl(_EXAMPLES)
        super().format_help_text(ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the exit codes mean."""
        with formatter.section("Exit codes"):
            formatter.write_dl(_EXIT_CODES)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name."""
        return list(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        if cmd_name not in _PLACES:
            return None
        module, attribute, _line = _PLACES[cmd_name]
        command = getattr(import_module(f"{_HOME}.{module}"), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Offer the nearest names for one that does not exist."""
        if args and args[0] not in _PLACES and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _PLACES, n=2)
            hint = f" Did you mean {' or '.join(near)}?" if near else " See `roadworthy --help`."
            ctx.fail(f"There is no command `{args[0]}`.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for."""
        for title, group in _COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, place[2]) for name, place in group.items()])


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(version("roadworthy"))
    ctx.exit()


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help="Show the version.",
)  # fmt: skip
@click.option("--profile", default="", metavar="NAME", help="Ask the server of this profile.")
@click.option("--no-input", is_flag=True, help="Never ask; fail naming the flag that would answer.")
@click.option("--no-color", is_flag=True, help="Plain text; NO_COLOR does the same.")
@click.pass_context
def root(ctx: click.Context, profile: str, *, no_input: bool, no_color: bool) -> None:
    """An operating model for AI, as running software.

    Data goes to standard output, everything else to standard error; a command that fails writes no data.
    """
    from roadworthy.entrypoints.cli.session import Session

    if no_color:
        os.environ["NO_COLOR"] = "1"
    ctx.obj = Session(ctx.obj, profile, no_input)


def run(programs: Any, arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    try:
        result = root.main(
            args=None if arguments is None else list(arguments),
            prog_name="roadworthy", obj=programs, standalone_mode=False,
        )  # fmt: skip
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except Exception as error:  # noqa: BLE001  # the one place that says errors; what it does not know it raises
        return _failed(error)


def _failed(error: Exception) -> int:
    """Say an error on standard error; return the exit code it stands for."""
    from roadworthy.entrypoints.cli.session import Failure, rendered
    from roadworthy.foundation.errors import RoadworthyError

    if isinstance(error, RoadworthyError):
        issues = tuple(
            {"message": one.message, "fix": one.fix, "field": one.field, "file": one.file, "line": one.line}
            for one in error.issues
        )
        told = ApiError(error.what, why=error.why, fix=error.fix, errors=issues)
        click.echo("\n".join(rendered(told)), err=True)
        return error.exit_code
    if isinstance(error, ApiError | Failure):
        click.echo("\n".join(rendered(error)), err=True)
        return error.ends_with if isinstance(error, Failure) else error.exit_code
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    raise error
