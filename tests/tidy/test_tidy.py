"""House rules no linter knows. Each failure says what to do instead."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import grimp
import pytest

from tests.tidy import rules

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT_SUFFIXES = frozenset(
    {
        ".py",
        ".md",
        ".toml",
        ".yaml",
        ".yml",
        ".html",
        ".css",
        ".js",
        ".json",
        ".sh",
        ".lock",
        ".txt",
        ".csv",
        "",
    }
)


@cache
def _tracked() -> tuple[str, ...]:
    """List the files of this tree that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:  # an unpacked archive has no history: take everything outside hidden directories
        return tuple(
            sorted(
                path.relative_to(ROOT).as_posix()
                for path in ROOT.rglob("*")
                if path.is_file() and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
            )
        )
    return tuple(name for name in sorted(set(listed.stdout.splitlines())) if (ROOT / name).is_file())


def _python(*prefixes: str) -> list[str]:
    return [name for name in _tracked() if name.endswith(".py") and name.startswith(prefixes)]


@cache
def _source(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(_source(name), name)


def _functions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


def _lines(found: list[str]) -> str:
    return "\n" + "\n".join(found)


def test_there_is_something_to_check() -> None:
    """The listing works: a rule over an empty list would pass for ever."""
    assert len(_python("src/roadworthy/")) > 10
    assert "pyproject.toml" in _tracked()


def test_files_are_short() -> None:
    """A file over the limit holds two nouns: split it along one of them."""
    too_long = []
    for name in _python("src/", "scripts/", "tests/", "bench/"):
        if name in rules.LONGER_FILES:
            continue
        limit = rules.TEST_FILE_LINES if name.startswith("tests/") else rules.FILE_LINES
        limit = rules.TIGHTER_FILES.get(name, limit)
        if (lines := _source(name).count("\n")) > limit:
            too_long.append(f"{name}: {lines} lines, at most {limit}: split it along a noun")
    assert not too_long, _lines(too_long)


def test_functions_are_short() -> None:
    """A function over the limit decides more than one thing: give the inner decision a name."""
    too_long = [
        f"{name}::{function}: {lines} lines, at most {rules.FUNCTION_LINES}: name the decision inside it"
        for name in _python("src/", "scripts/", "bench/")
        for function, lines in _functions(_tree(name))
        if lines > rules.FUNCTION_LINES
        and f"{name}::{function}" not in rules.LONGER_FUNCTIONS
        and not name.startswith(rules.GENERATED)
    ]
    assert not too_long, _lines(too_long)


def test_file_names_say_what_files_hold() -> None:
    """Name the file after what it holds; `utils` holds anything, so it will."""
    vague = [
        f"{name}: name it after what it holds"
        for name in _python("src/", "scripts/", "tests/", "bench/")
        if Path(name).stem in rules.BANNED_STEMS
        or (Path(name).stem == "models" and not name.startswith(rules.MODELS_FILE_HOME))
    ]
    assert not vague, _lines(vague)


def test_every_module_says_what_it_is_for() -> None:
    """The first line of a module is one sentence on its purpose."""
    silent = []
    for name in _python("src/", "scripts/", "tests/", "bench/"):
        docstring = ast.get_docstring(_tree(name))
        if not docstring:
            silent.append(f"{name}: say in one line what this module is for")
        elif not docstring.splitlines()[0].rstrip().endswith((".", "?", "!", ":")):
            silent.append(f"{name}: the first line of its docstring is to be one whole sentence")
    assert not silent, _lines(silent)


def test_no_words_that_promise_work() -> None:
    """Do it, or write it in docs/weaknesses.md where readers look for it."""
    pattern = re.compile("|".join(rf"\b{word}\b" for word in rules.BANNED_WORDS), re.IGNORECASE)
    found = []
    for name in _tracked():
        if Path(name).suffix not in TEXT_SUFFIXES - rules.BANNED_WORDS_ALLOWED.keys():
            continue
        for number, line in enumerate(_source(name).splitlines(), 1):
            if match := pattern.search(line):
                found.append(f"{name}:{number}: {match.group()!r}: do it, or name it in docs/weaknesses.md")
    assert not found, _lines(found)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def test_only_the_clock_reads_the_clock() -> None:
    """Take `now` as an argument; a door or a job asks foundation.clock once and hands it down."""
    readers = []
    for name in _python("src/"):
        if name == rules.CLOCK_HOME or name in rules.CLOCK_ALLOWED:
            continue
        for node in ast.walk(_tree(name)):
            if isinstance(node, ast.Attribute) and _dotted(node) in rules.WALL_CLOCK_CALLS:
                readers.append(f"{name}:{node.lineno}: {_dotted(node)}: take `now` as an argument")
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                names = [alias.name for alias in node.names if f"time.{alias.name}" in rules.WALL_CLOCK_CALLS]
                readers += [f"{name}:{node.lineno}: time.{used}: take `now` as an argument" for used in names]
    assert not readers, _lines(readers)


def test_a_silenced_type_error_names_itself() -> None:
    """Write `# type: ignore[code]`, so that the next error on the line is still seen."""
    bare = [
        f"{name}:{number}: name the error's code"
        for name in _python("src/", "tests/", "scripts/", "bench/")
        for number, line in enumerate(_source(name).splitlines(), 1)
        if re.search(r"#\s*type:\s*ignore(?!\[)", line) and not name.startswith("tests/tidy/")
    ]
    assert not bare, _lines(bare)


def test_no_registry_is_named() -> None:
    """Where packages come from is the machine's affair: a host in a lock breaks every mirror."""
    found = [
        f"{name}: {host}"
        for name in _tracked()
        if Path(name).suffix in TEXT_SUFFIXES
        for host in rules.REGISTRY_HOSTS
        if host in _source(name)
    ]
    assert not found, _lines(found)


def test_exceptions_still_stand() -> None:
    """An exception to a rule leaves with the file it was made for."""
    listed = [
        *rules.LONGER_FILES,
        *rules.CLOCK_ALLOWED,
        *(key.split("::")[0] for key in rules.LONGER_FUNCTIONS),
    ]
    assert [name for name in listed if not (ROOT / name).is_file()] == []


def test_imports_keep_the_contract() -> None:
    """The shelves, drawn in pyproject.toml, hold; the report says which import points up."""
    program = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=110
    )
    assert ended.returncode == 0, ended.stdout[-4000:]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Give the import graph of the package, with what it imports from outside."""
    return grimp.build_graph("roadworthy", include_external_packages=True, cache_dir=None)


def _module_name(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_a_module_that_calls_itself_pure_is(graph: grimp.ImportGraph) -> None:
    """`Pure:` at the top means: no I/O and no clock, not even through what it imports."""
    pure = [
        _module_name(name)
        for name in _python("src/")
        if (ast.get_docstring(_tree(name)) or "").startswith("Pure:")
    ]
    impure = set(rules.IMPURE_PACKAGES) | {
        module
        for top in rules.IMPURE_MODULES
        if top in graph.modules
        for module in (top, *graph.find_descendants(top))
    }
    reached = []
    for module in pure:
        if module not in rules.PURE_ALLOWED:
            for target in sorted(graph.find_upstream_modules(module) & impure):
                chain = graph.find_shortest_chain(importer=module, imported=target) or ()
                reached.append(" -> ".join(chain))
    assert pure, "no module says `Pure:`; the rule would check nothing"
    assert not reached, _lines(reached)
