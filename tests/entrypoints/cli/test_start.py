"""The command line starts at once, and says how it is used before it explains itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from roadworthy.entrypoints import cli
from roadworthy.entrypoints.cli.command import Command

HEAVY = ("fastapi", "sqlalchemy", "pydantic", "jinja2", "numpy", "rich", "yaml", "http.client", "starlette")


def test_help_loads_nothing_heavy() -> None:
    """`roadworthy --help` needs click and the standard library: that is what makes it start at once."""
    program = (
        "import sys, json\n"
        "from roadworthy.__main__ import main\n"
        "sys.argv = ['roadworthy', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit as ended:\n    code = ended.code\n"
        "sys.stderr.write(json.dumps([code, sorted(sys.modules)]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, loaded = json.loads(ended.stderr)
    assert code == 0
    assert "Exit codes:" in ended.stdout
    assert [name for name in HEAVY if name in loaded] == []


def _commands() -> Iterator[tuple[str, click.Command]]:
    with click.Context(cli.root) as context:
        for name in cli.root.list_commands(context):
            command = cli.root.get_command(context, name)
            assert command is not None, name
            if isinstance(command, click.Group):
                yield from ((f"{name} {inner}", one) for inner, one in command.commands.items())
            else:
                yield name, command


COMMANDS = dict(_commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_help_starts_with_examples(name: str) -> None:
    """Every command shows how it is used first, and its examples name the command itself."""
    command = COMMANDS[name]
    assert isinstance(command, Command)
    assert command.examples
    assert any(f"roadworthy {name}" in example for example in command.examples), command.examples
    with click.Context(command) as context:
        text = command.get_help(context)
    assert command.help
    assert text.index("Examples:") < text.index(" ".join(command.help.split()[:3]))


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_use_options_that_exist(name: str) -> None:
    """An example that is pasted is not refused for an option nobody has."""
    command = COMMANDS[name]
    assert isinstance(command, Command)
    known = {option for one in [*command.params, *cli.root.params] for option in one.opts}
    for example in command.examples:
        used = example.split(" | ")[0].split(" && ")[0].split("  ")[0].split()
        assert {word for word in used if word.startswith("-") and word != "-"} <= known, example


def test_the_listed_commands_are_the_documented_ones() -> None:
    """The one-line texts stand beside lazily loaded commands: a name there is a command that loads."""
    with click.Context(cli.root) as context:
        for name in cli.root.list_commands(context):
            command = cli.root.get_command(context, name)
            assert command is not None
            assert command.name == name


@pytest.mark.parametrize("secret", ["token", "key", "password", "secret"])
def test_no_secret_is_a_flag(secret: str) -> None:
    """What stands on a command line is seen by every process of the machine."""
    flags = {option for one in COMMANDS.values() for parameter in one.params for option in parameter.opts}
    assert f"--{secret}" not in flags
