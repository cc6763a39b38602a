"""What the documentation claims about the code is so: named tests exist, figures and lists agree."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from roadworthy.portfolio.grades import GRADE_WORDS
from roadworthy.statistics import interrupted_series
from scripts import make_reference
from tests.docs.pages import PAGES, ROOT, name_of, read

DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    """Return the reference as the code is now."""
    return make_reference.pages()


@pytest.mark.parametrize(
    "name",
    ["settings.md", "cli.md", "kinds.md", "api.md", "roles.md", "errors.md", "gateway-refusals.md"],
)
def test_the_reference_is_what_the_code_says(generated: dict[str, str], name: str) -> None:
    """Run `make reference` when this fails."""
    assert read(f"docs/reference/{name}") == generated[name]


def test_the_reference_is_whole(generated: dict[str, str]) -> None:
    """Nothing generated is missing here, nothing here is left over, and no meaning is empty."""
    assert {path.name for path in (ROOT / "docs" / "reference").glob("*.md")} == set(generated)
    for name in ("settings.md", "kinds.md", "errors.md", "gateway-refusals.md", "roles.md"):
        rows = [line for line in generated[name].splitlines() if line.startswith("| `")]
        assert rows, name
        roles_that_declare_nothing = name == "roles.md"
        empty = [row for row in rows if row.endswith("|  |") and not roles_that_declare_nothing]
        assert empty == [], name


def _tests() -> set[str]:
    names = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return names


def test_tests_that_are_named_exist() -> None:
    """A claim that rests on a test is as good as the test's name."""
    known = _tests()
    missing = [
        f"{name_of(page)}: {name}"
        for page in PAGES
        for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))
        if name not in known
    ]
    assert missing == []


def test_files_that_are_named_exist() -> None:
    """A path of ours in running text leads somewhere."""
    missing = [
        f"{name_of(page)}: {path}"
        for page in PAGES
        for path in re.findall(
            r"`((?:tests|scripts|src|requirements|examples|bench)/[\w./-]+)`", page.read_text("utf-8")
        )
        if not (ROOT / path).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("record", DECISIONS, ids=lambda path: path.stem[:4])
def test_decisions_name_what_enforces_them(record: Any) -> None:
    """Each names an existing test, contract or file; a contract by its exact name."""
    contracts = {
        one["name"] for one in tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    }
    said = " ".join(record.read_text(encoding="utf-8").partition("## Enforced by")[2].split())
    named = set(re.findall(r'"([^"]+)"', said))
    assert named <= contracts
    assert named or re.search(r"`(test_\w+|tests/[\w/.]+|pyproject\.toml)`", said)


def test_a_decision_fits_on_a_page() -> None:
    """What needs more than a page is two decisions."""
    lengths = {path.name: path.read_text(encoding="utf-8").count("\n") for path in DECISIONS}
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_every_variable_is_documented() -> None:
    """Each environment variable that the code reads stands on a page."""
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    read_by_code = {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r'environ[^\n]{0,6}["\'](ROADWORTHY_[A-Z_]+)["\']', path.read_text("utf-8"))
    }
    assert read_by_code >= {"ROADWORTHY_TOKEN", "ROADWORTHY_HOME"}
    assert sorted(name for name in read_by_code if name not in pages) == []


def _rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_coverage_figures_are_those_of_the_module() -> None:
    """The simulated coverage stands in the module, where a test repeats it; the page says the same."""
    module = interrupted_series.__doc__ or ""
    table = re.findall(r"^    (\d+ \+ \d+) +([\d.]+) +([\d.]+) +([\d.]+)$", module, re.MULTILINE)
    assert len(table) == 5
    shown = [row for row in _rows(read("docs/explanation/statistics.md")) if re.match(r"\d+ \+ \d+$", row[0])]
    assert shown == [list(row) for row in table]


def test_grades_are_those_of_the_code() -> None:
    """Each letter means on the page what it means beside a figure."""
    shown = {
        row[0]: row[1] for row in _rows(read("docs/explanation/statistics.md")) if re.match("[A-F]$", row[0])
    }
    assert shown == GRADE_WORDS


def test_speed_figures_are_those_of_the_bench() -> None:
    """The figures are copied, not remembered."""
    measured = [row for row in _rows(read("bench/README.md")) if re.match("nginx|gateway,", row[0])]
    shown = [row for row in _rows(read("docs/explanation/speed.md")) if re.match("nginx|gateway,", row[0])]
    assert shown
    assert shown == measured


def test_approvals_are_those_of_the_rules() -> None:
    """How many days an approval holds, and who gives it, is what the rules in force say."""
    tiers = yaml.safe_load(read("src/roadworthy/governance/requirements.yaml"))["tiers"]
    page = read("docs/how-to/approve.md").partition("## What waits too long")[0]
    rows = {row[0]: row for row in _rows(page)}
    assert set(tiers) <= set(rows)
    for tier, asked in tiers.items():
        _, roles, days = rows[tier]
        assert ("approves itself" in roles) == bool(asked.get("approves_itself"))
        for need in asked["approvals"]:
            assert need["role"].removesuffix("-approver") in roles
            assert str(need["valid_days"]) in days


def test_waits_are_those_of_the_rules() -> None:
    """When an approval is due and escalated, and what is promised, is what the rules in force say."""
    tiers = yaml.safe_load(read("src/roadworthy/governance/requirements.yaml"))["tiers"]
    page = read("docs/how-to/approve.md")
    rows = {row[0]: row for row in _rows(page.partition("## What waits too long")[2])}
    for tier in ("minimal", "limited", "high"):
        asked, row = tiers[tier], rows[tier]
        days = [asked[name] for name in ("decide_in_days", "remind_every_days", "escalate_in_days")]
        assert row[1:] == [*(f"{one} days" for one in days), asked["escalate_to"]]
        assert re.search(rf"\b{asked['first_call_in_days']} (day )?at {tier}", page)


def test_shelves_are_those_of_the_contract() -> None:
    """The table of the architecture lists the shelves in the order imports point."""
    contract = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"][0]
    shelves = [re.findall(r"\((\w+)\)", layer) for layer in contract["layers"]]
    shown = [re.findall(r"`(\w+)`", row[0]) for row in _rows(read("docs/explanation/architecture.md"))]
    listed = [names for names in shown if names in shelves or names == ["entrypoints"]]
    expected = [["entrypoints"] if "entrypoints" in names else names for names in shelves[1:]]
    assert listed == expected


def test_no_page_promises_work() -> None:
    """What is missing stands among the weaknesses, as it is today."""
    words = re.compile(r"\b(coming soon|in the near future|will soon|roadmap)\b", re.IGNORECASE)
    assert [name_of(page) for page in PAGES if words.search(page.read_text(encoding="utf-8"))] == []
