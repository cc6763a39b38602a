"""Every main page of the console as people see it: two themes, two widths, three twins."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "docs" / "screenshots"
PAGES = {
    "needs-you": "/",
    "outcomes": "/outcomes",
    "outcome": "/outcomes/faster-claims",
    "portfolio": "/portfolio",
    "use-case": "/use-cases/complaint-replies",
    "scorecard": "/scorecard",
    "blueprints": "/blueprints",
    "lead-time": "/lead-time",
    "ownership-gaps": "/owners",
    "use-case-scorecard": "/scorecard/claims-triage",
    "controls": "/controls",
    "use-case-controls": "/use-cases/claims-triage/controls",
    "control": "/controls/catalogue/C20",
    "traces": "/traces",
    "audit": "/audit",
    "verify": "/audit/verify",
    "access": "/access",
    "matrix": "/rules/matrix",
    "balance": "/portfolio/balance",
    "budgets": "/operations/budgets",
    "who-may-call": "/access/models",
    "policies": "/access/policies",
    "backtest": "/access/backtest",
    "declarations": "/declared",
    "declaration": "/declared/model/small",
    "new-use-case": "/use-cases/new",
    "error": "/outcomes/there-is-none",
}
FITS = {"matrix", "budgets", "who-may-call", "traces", "controls"}
"""Pages with many columns that all fit at 1360 pixels."""
ONCE_IN_THE_DOCS = ("matrix", "balance", "controls")
"""Pages shown in one theme."""
IN_THE_DOCS = ("outcomes", "outcome", "portfolio", "use-case", "scorecard", "traces", "audit")
pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(600)]


def run(folder: Path, *words: str) -> str:
    """Run the program in a folder of the test's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ROADWORTHY_")}
    ended = subprocess.run(
        [sys.executable, "-m", "roadworthy", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**kept, "ROADWORTHY_HOME": str(folder / "home"), "NO_COLOR": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """Start the demo; give the address of its console and two sign-in links."""
    folder = tmp_path_factory.mktemp("screens")
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    flags = [
        word
        for name, one in zip(("control-port", "gateway-port", "model-port"), held, strict=True)
        for word in (f"--{name}", str(one.getsockname()[1]))
    ]
    for one in held:
        one.close()
    said = run(folder, "demo", "--detach", "--data", str(folder / "data"), *flags)
    try:
        links = re.findall(r"http\S+/sign-in/\S+", said)
        yield links[0].partition("/sign-in/")[0], links
    finally:
        run(folder, "demo", "--purge", "--yes", "--data", str(folder / "data"))


@pytest.fixture(scope="module")
def signed_in(browser: Browser, console: tuple[str, list[str]]) -> Iterator[BrowserContext]:
    """Give a browser in which the administrator is signed in."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    first = context.new_page()
    first.goto(console[1][0])
    first.locator("main button[type=submit]").click()
    first.wait_for_url(re.compile(r".*/(\?.*)?$"))
    first.close()
    yield context
    context.close()


@pytest.fixture(scope="module")
def approver(browser: Browser, console: tuple[str, list[str]]) -> Iterator[BrowserContext]:
    """Give a browser in which somebody is signed in whose approval is waited for."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
    first = context.new_page()
    first.goto(console[1][1])
    first.locator("main button[type=submit]").click()
    first.wait_for_url(re.compile(r".*/(\?.*)?$"))
    first.close()
    yield context
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_approver_sees_what_waits_for_them(
    theme: str,
    console: tuple[str, list[str]],
    approver: BrowserContext,
    axe: Callable[[Page], list[str]],
) -> None:
    """The approval that is missing stands first, with one action."""
    page = approver.new_page()
    approver.add_cookies([{"name": "rw_theme", "value": theme, "url": console[0]}])
    page.goto(console[0] + "/")
    assert "Waits for your approval" in page.locator("main").inner_text()
    assert axe(page) == []
    keep(page, f"needs-you-{theme}")
    page.close()


@pytest.fixture
def tab(signed_in: BrowserContext) -> Iterator[tuple[Page, list[str]]]:
    """Give a page and what its browser console complained of."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "404" not in message.text:
            complaints.append(message.text)

    page = signed_in.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page, complaints
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_accessible_and_complete(
    name: str,
    theme: str,
    console: tuple[str, list[str]],
    tab: tuple[Page, list[str]],
    axe: Callable[[Page], list[str]],
) -> None:
    """Axe finds nothing, the browser has nothing to complain of, and nothing scrolls sideways at 320 px."""
    page, complaints = tab
    page.context.add_cookies([{"name": "rw_theme", "value": theme, "url": console[0]}])
    page.set_viewport_size({"width": 1360, "height": 900})
    answer = page.goto(console[0] + PAGES[name])
    assert answer is not None
    assert answer.status == (404 if name == "error" else 200)
    assert page.locator("html").get_attribute("data-theme") == theme
    assert axe(page) == []
    cut = page.evaluate(
        "[...document.querySelectorAll('.dense')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
    )
    assert not (cut and name in FITS), "its last columns are cut off"
    if name in IN_THE_DOCS or (theme == "light" and name in ONCE_IN_THE_DOCS):
        keep(page, f"{name}-{theme}")
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert axe(page) == []
    assert complaints == []


POLICY = """\
apiVersion: roadworthy/v1
kind: AccessPolicy
metadata: {name: no-calls-for-triage}
spec:
  title: Triage waits for its review
  cedar: |
    @id("triage-waits")
    @reason("Triage is reviewed this week.")
    forbid (principal, action, resource)
    when { context.use_case.name == "claims-triage" };
  tests:
    - name: A call of triage
      principal: {name: claims-desk}
      use_case: {name: claims-triage}
      model: {name: small}
      expect: deny
      by: triage-waits
"""
LIST = """\
Name,Unit,What it does,In use?,Rights-impacting?,Personal data?,Owner
Berth planner,Harbour,Suggests a berth for each ship so that waiting times fall by 20 %,In use,No,No,
Crew sick notes,Crewing,Reads sick notes and proposes who fills in,In use,Yes,Yes,
Fare finder,Sales,Answers which fare is open to whom,Idea,No,,Ines Carvalho
Applicant sorter,Crewing,Ranks applicants for deck jobs,In use,Yes,Yes,
"""
MAPPING = """\
list_name: harbour
title: AI at the harbour office
columns: {title: Name, unit: Unit, purpose: What it does, stage: In use?, impact: Rights-impacting?,
  personal: Personal data?, owner: Owner}
entry:
  name: [unit, title]
  told_apart_by: [purpose]
  title: title
  summary: [purpose]
  unit: unit
  outcome: purpose
  owners: {business: owner}
  stage: {column: stage, values: {Idea: idea, In use: live}}
  risk: {column: impact, match: starts, values: {"Yes": high, "No": minimal}}
facts:
  always: {jurisdictions: [US]}
  answers:
    - {fact: personal_data, column: personal, values: {"Yes": true, "No": false}}
"""


def test_a_policy_is_tried_on_past_calls(
    console: tuple[str, list[str]], tab: tuple[Page, list[str]], axe: Callable[[Page], list[str]]
) -> None:
    """The page says which calls of the last days a new policy would have refused."""
    page, complaints = tab
    page.context.add_cookies([{"name": "rw_theme", "value": "light", "url": console[0]}])
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(console[0] + "/access/backtest")
    page.locator("#field-text").fill(POLICY)
    page.get_by_role("button", name="Try on past calls").click()
    page.get_by_role("heading", name="What would have differed").wait_for()
    assert "claims-triage" in page.locator("main").inner_text()
    assert axe(page) == []
    keep(page, "backtest-light")
    assert complaints == []


def test_an_inventory_is_taken_in_and_reported(
    console: tuple[str, list[str]], tab: tuple[Page, list[str]], axe: Callable[[Page], list[str]]
) -> None:
    """The form takes a list; the report says tiers, gaps and what to do first."""
    page, complaints = tab
    page.context.add_cookies([{"name": "rw_theme", "value": "light", "url": console[0]}])
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(console[0] + "/inventory/import")
    page.locator("#field-file").set_input_files(
        {"name": "list.csv", "mimeType": "text/csv", "buffer": LIST.encode()}
    )
    page.locator("#field-mapping").set_input_files(
        {"name": "mapping.yaml", "mimeType": "application/yaml", "buffer": MAPPING.encode()}
    )
    page.get_by_role("button", name="Take it in").click()
    page.get_by_text("4 rows taken in: 4 new").first.wait_for()
    page.goto(console[0] + "/inventory/report")
    assert "4 rows" not in page.locator("body").inner_text()  # a notice is shown once
    assert "Rights-impacting?" in page.locator("main").inner_text()
    assert axe(page) == []
    keep(page, "inventory-report-light")
    assert complaints == []


def keep(page: Page, name: str) -> None:
    """Write the picture for the docs when asked to; otherwise hold the docs to having one."""
    path = SCREENSHOTS / f"{name}.png"
    if os.environ.get("UPDATE_SCREENSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path)
    assert path.stat().st_size > 10_000, "take it with `UPDATE_SCREENSHOTS=1 make test`"
    drawn = page.screenshot()
    assert drawn.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", [name for name in PAGES if name not in {"error", "new-use-case"}])
def test_the_twins_of_a_page_agree(
    name: str, console: tuple[str, list[str]], signed_in: BrowserContext
) -> None:
    """JSON and CSV answer for every page, with the same rows."""
    path = "/needs-you" if PAGES[name] == "/" else PAGES[name]
    as_json = signed_in.request.get(f"{console[0]}{path}.json")
    as_csv = signed_in.request.get(f"{console[0]}{path}.csv")
    assert (as_json.status, as_csv.status) == (200, 200)
    body = json.loads(as_json.text())
    lines = list(csv.reader(io.StringIO(as_csv.text())))
    if "rows" in body:
        assert len(lines) == len(body["rows"]) + 1
    else:
        assert lines[0] == ["key", "value"]


def test_the_keyboard_leads_everywhere(console: tuple[str, list[str]], tab: tuple[Page, list[str]]) -> None:
    """The skip link comes first; Ctrl-K finds a page and Enter goes there."""
    page, _ = tab
    page.set_viewport_size({"width": 1360, "height": 900})
    page.goto(console[0] + "/outcomes")
    page.keyboard.press("Tab")
    assert "skip" in (page.evaluate("document.activeElement.textContent") or "").lower()
    page.keyboard.press("Control+k")
    page.keyboard.type("portfolio")
    page.wait_for_timeout(200)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r".*/portfolio.*"))


def test_the_regression_and_the_improvement_are_told(
    console: tuple[str, list[str]], tab: tuple[Page, list[str]]
) -> None:
    """The three stories of the sample company read as they are."""
    page, _ = tab
    page.goto(console[0] + "/outcomes")
    text = page.locator("main").inner_text()
    assert "Improved" in text
    assert "Worse" in text
    assert "No evidence yet" in text
    assert "not proof of cause" in text
