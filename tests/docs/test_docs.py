"""The documentation hangs together: links resolve, pages are found, lists are whole."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import FENCE, PAGES, ROOT, name_of, prose

SCREENSHOTS = ROOT / "docs" / "screenshots"  # taken by the end-to-end tests, so absent before the first run


def _anchors(page: Path) -> set[str]:
    """Return the anchors that a forge makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_resolve(page: Path) -> None:
    """A link leads to a file that is there, and to a heading that is in it."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        if linked.parent == SCREENSHOTS:
            continue
        if not linked.exists() or (anchor and linked.suffix == ".md" and anchor not in _anchors(linked)):
            broken.append(target)
    assert broken == []


def test_pages_are_found() -> None:
    """The listing works: a check over an empty list would pass for ever."""
    assert {"README.md", "CONTRIBUTING.md", "docs/index.md", "docs/glossary.md"} <= set(map(name_of, PAGES))


def test_every_page_is_linked() -> None:
    """A page that nothing leads to is read by nobody."""
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))
    }
    orphans = [name_of(page) for page in PAGES if page.is_relative_to(ROOT / "docs") and page not in linked]
    assert orphans == []


def test_every_decision_is_in_the_index() -> None:
    """The index names each decision once, in order, and each has the sections of the template."""
    folder = ROOT / "docs" / "decisions"
    files = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert re.findall(r"\]\((\d{4}-[^)]+)\)", (folder / "index.md").read_text(encoding="utf-8")) == files
    sections = [
        line
        for line in (folder / "template.md").read_text(encoding="utf-8").splitlines()
        if line[:3] == "## "
    ]
    for number, name in enumerate(files, 1):
        text = (folder / name).read_text(encoding="utf-8")
        assert name.startswith(f"{number:04}-"), f"{name}: numbers have no gap"
        assert [line for line in text.splitlines() if line[:3] == "## "] == sections, name


def _requirement_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", requirement)[0] for requirement in requirements}


def test_every_dependency_has_its_reason() -> None:
    """The tables of dependencies.md and pyproject.toml name the same libraries."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    text = (ROOT / "docs" / "decisions" / "dependencies.md").read_text(encoding="utf-8")
    named: dict[str, set[str]] = {}
    for part in text.split("\n## ")[1:]:
        cells = [row.split("|")[1] for row in part.splitlines() if row.startswith("| `")]
        named[part.splitlines()[0]] = {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}
    assert named["To run"] == _requirement_names(project["dependencies"])
    assert named["For the demo"] == _requirement_names(extras["demo"])
    assert named["To test and to build"] == _requirement_names(extras["test"] + extras["build"])


def test_every_lock_pins_by_hash() -> None:
    """Each line of a lock names one version and at least one hash."""
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        entries = re.split(r"\n(?=[a-zA-Z])", lock.read_text(encoding="utf-8").strip())
        assert entries, lock.name
        loose = [entry.split()[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
        assert loose == [], lock.name


def test_what_runs_is_tested_at_the_same_versions() -> None:
    """The lock of the tests contains the lock of the product."""

    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        return set(re.findall(r"^([a-zA-Z][^\s;]+==[^\s;]+)", text, re.MULTILINE))

    assert pins("run.lock")
    assert pins("run.lock") <= pins("test.lock")
    assert pins("installer.lock") <= pins("run.lock")


def test_the_first_screen_has_the_two_commands() -> None:
    """A newcomer sees `make demo` and `make test` without scrolling, and nothing else to run."""
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:25])
    blocks = [body for language, body in FENCE.findall(first_screen) if language == "sh"]
    assert [line.split("#")[0].strip() for line in "".join(blocks).splitlines()] == ["make demo", "make test"]
