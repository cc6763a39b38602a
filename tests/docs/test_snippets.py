"""What the documentation shows to be typed or copied works: it parses, validates, and where marked, runs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from playwright._impl._driver import compute_driver_executable

from roadworthy import main as application
from roadworthy.entrypoints.cli import root
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.gateway.folder import edge_file
from roadworthy.inventory import mapping
from roadworthy.portfolio.studies import design
from roadworthy.registry import manifest, operations
from roadworthy.registry.assembly import assemble
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from tests.docs.pages import ROOT, SHELLS, Snippet, commands, snippets
from tests.gateway import world

GATEWAY_MARK = "runs against the gateway"
DATA_MARK = "runs in a data directory"
KNOWN_LANGUAGES = {*SHELLS, "", "text", "yaml", "python", "js", "json", "csv", "sql"}


def _fault(words: list[str]) -> str:
    """Parse a command line as the program would; say what is wrong with it, or nothing."""
    command: click.Command = root
    try:
        context = click.Context(root, info_name="roadworthy")
        while isinstance(command, click.Group):
            _, words, _ = command.make_parser(context).parse_args(words)
            if not words:
                runs = command is root or command.invoke_without_command
                return "" if runs else "it names no command"
            found = command.get_command(context, words[0])
            if found is None:
                return f"there is no command {words[0]}"
            context = click.Context(found, info_name=words[0], parent=context)
            command, words = found, words[1:]
        with contextlib.suppress(click.exceptions.Exit):  # --help
            command.make_context(context.info_name, words, parent=context.parent)
    except click.BadParameter as error:
        # Files named in the documentation are the reader's: whether they exist is not asked here.
        is_file = error.param is not None and isinstance(error.param.type, click.Path)
        return "" if is_file else error.format_message()
    except click.UsageError as error:
        return error.format_message()
    return ""


def test_commands_in_the_docs_parse() -> None:
    """Each `roadworthy` line of a shell block is one the program accepts: command, options and arguments."""
    found = commands()
    assert len(found) > 50
    faults = [f"{place}: {fault}" for place, words in found if (fault := _fault(words))]
    assert faults == []


@pytest.mark.parametrize(
    "words",
    [["frobnicate"], ["plan", "--nonsense"], ["key", "issue"], ["audit"], ["approve", "x", "--as", "nobody"]],
)
def test_wrong_commands_are_noticed(words: list[str]) -> None:
    """The check above can fail."""
    assert _fault(words)


def test_every_snippet_says_its_language() -> None:
    """A block in a language that nothing here checks would rot."""
    everything = snippets(*KNOWN_LANGUAGES, "yml", "toml", "http", "javascript", "bash", "ini")
    unknown = [one.name for one in everything if one.language not in KNOWN_LANGUAGES]
    assert unknown == []


@pytest.mark.parametrize("snippet", snippets(*SHELLS), ids=lambda one: one.name)
def test_shell_snippets_are_shell(snippet: Snippet) -> None:
    """A shell reads each without complaint."""
    done = subprocess.run(["sh", "-n"], input=snippet.body, text=True, capture_output=True, check=False)
    assert done.stderr == ""


def _problems(text: str, file: str) -> list[str]:
    assembly = assemble(application.SLICES)
    try:
        parsed = manifest.parse(text, file=file)
        if any("list_name" in one.document for one in parsed):
            mapping.read(text, file=file)  # what the columns of a list mean: no declaration either
            return []
        if any("design" in one.document for one in parsed):
            design.read(text, file=file)  # how a change was made and what the columns of a table mean
            return []
        # What a gateway from a folder needs besides is no declaration, and no installation takes it.
        for one in parsed:
            if one.document["kind"] == edge_file.KIND:
                edge_file.read(one.document)
        operations.read_documents(assembly, [one for one in parsed if one.document["kind"] != edge_file.KIND])
    except RoadworthyError as error:
        return [error.what, *(f"{one.where()}: {one.message}" for one in error.issues)]
    return []


@pytest.mark.parametrize("snippet", snippets("yaml"), ids=lambda one: one.name)
def test_declarations_in_the_docs_are_valid(snippet: Snippet) -> None:
    """Each YAML block is a manifest that the installed kinds accept."""
    assert _problems(snippet.body, snippet.name) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").rglob("*.yaml")), ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_examples_are_what_they_say(path: Path) -> None:
    """Each example is valid; those in a folder `refused` are refused."""
    problems = _problems(path.read_text(encoding="utf-8"), path.name)
    assert bool(problems) == (path.parent.name == "refused"), problems


@pytest.mark.parametrize("snippet", snippets("python"), ids=lambda one: one.name)
def test_python_snippets_compile(snippet: Snippet) -> None:
    """No Python block has a syntax error."""
    compile(snippet.body, snippet.name, "exec")


@pytest.mark.parametrize("snippet", snippets("json"), ids=lambda one: one.name)
def test_json_snippets_are_json(snippet: Snippet) -> None:
    """Each JSON block can be read."""
    json.loads(snippet.body)


@pytest.mark.parametrize("snippet", snippets("js"), ids=lambda one: one.name)
def test_javascript_snippets_parse(snippet: Snippet, tmp_path: Path) -> None:
    """No JavaScript block has a syntax error; Playwright brings the engine that says so."""
    node = compute_driver_executable()[0]
    file = tmp_path / "snippet.mjs"
    file.write_text(snippet.body, encoding="utf-8")
    done = subprocess.run([node, "--check", file], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[RunningGateway]:
    """A gateway with a grant for a route `chat`, in front of a made-up provider."""
    with (
        FakeProvider() as provider,
        RunningGateway(tmp_path, SnapshotSource(world.snapshot(provider.url))) as one,
    ):
        yield one


@pytest.mark.parametrize("snippet", snippets("python", *SHELLS, mark=GATEWAY_MARK), ids=lambda one: one.name)
def test_marked_snippets_call_the_gateway(snippet: Snippet, gateway: RunningGateway, tmp_path: Path) -> None:
    """Copied as it stands, with the two variables set, each gets an answer."""
    if snippet.language in SHELLS and shutil.which("curl") is None:
        pytest.skip("curl is not on this machine")
    environment = {**os.environ, "OPENAI_BASE_URL": gateway.url, "OPENAI_API_KEY": world.KEY}
    program = [sys.executable, "-c"] if snippet.language == "python" else ["sh", "-c"]
    done = subprocess.run(
        [*program, snippet.body], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
    assert '"error"' not in done.stdout


def test_the_backup_snippet_takes_what_the_file_alone_lacks(tmp_path: Path) -> None:
    """What is still in the write-ahead log is in the copy."""
    import pysqlite3

    (snippet,) = snippets("python", mark=DATA_MARK)
    (tmp_path / ".roadworthy").mkdir()
    with contextlib.closing(pysqlite3.connect(str(tmp_path / ".roadworthy" / "roadworthy.db"))) as running:
        running.execute("PRAGMA journal_mode=WAL")
        running.execute("CREATE TABLE notes (said TEXT)")
        running.execute("INSERT INTO notes VALUES ('kept')")
        running.commit()
        subprocess.run([sys.executable, "-c", snippet.body], cwd=tmp_path, check=True)
    with contextlib.closing(pysqlite3.connect(str(tmp_path / "backup.db"))) as copy:
        assert copy.execute("SELECT said FROM notes").fetchall() == [("kept",)]
