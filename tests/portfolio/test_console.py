"""The pages and the API say the same, import the same, and are accessible."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page

from roadworthy.portfolio.outcome_report import CAVEAT
from tests.portfolio.conftest import FIRST, Caller, Estate, as_csv, make_app, make_estate, weekly

PAGES = (
    "/outcomes",
    "/outcomes/faster",
    "/outcomes/calls",
    "/outcomes/unmeasured",
    "/scorecard",
    "/scorecard/triage",
)
HTML = {"accept": "text/html"}


def words(html: str) -> str:
    """Return what a page says, without its markup."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


@pytest.mark.parametrize("path", PAGES)
def test_the_three_twins_agree(client: TestClient, path: str) -> None:
    """The page, its JSON and its CSV carry the same rows; every row's words stand on the page."""
    page, data, table = (client.get(path + suffix) for suffix in ("", ".json", ".csv"))
    assert (page.status_code, data.status_code, table.status_code) == (200, 200, 200)
    rows = data.json()["rows"]
    lines = list(csv.DictReader(io.StringIO(table.text)))
    assert len(lines) == len(rows)
    said = words(page.text)
    for row, line in zip(rows, lines, strict=True):
        for key, value in row.items():
            shown = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            assert line[key].removeprefix("'") == shown, key
        for key in ("headline", "status", "metric"):
            if row.get(key) and path != "/scorecard":
                assert str(row[key]) in said, (key, row[key])


def test_the_overview_says_what_can_be_said(client: TestClient) -> None:
    """Each outcome has its sentence and chart, and nobody can miss that it is no proof of cause."""
    page = client.get("/outcomes")
    said = words(page.text)
    assert CAVEAT in said
    for row in client.get("/outcomes.json").json()["rows"]:
        assert row["headline"] in said
    assert page.text.count('<svg xmlns="http://www.w3.org/2000/svg" class="chart"') == 3
    assert "No figures yet" in said
    assert "grade D: not counted" in said


def test_an_outcome_shows_its_contract_and_its_chart(client: TestClient) -> None:
    """Baseline, target, horizon, owner, constraints, what would settle it, the series and the imports."""
    page = client.get("/outcomes/faster")
    said = words(page.text)
    for expected in (
        CAVEAT, "74 hours, 24 Nov 2025 to 7 Jun 2026", "−12 hours, to 62 hours", "30 Jun 2027", "ada",
        "What would settle it", "Claims reopened", "within margin", "The use case triage", "faster.csv",
        "roadworthy measure import figures.csv --outcome faster", "launch: triage",
    ):  # fmt: skip
        assert expected in said, expected
    assert "/declared/outcome/faster?tab=history" in page.text
    assert page.text.count("<svg xmlns") == 1
    assert len(client.get("/outcomes/faster.json").json()["rows"]) == 52


def test_an_outcome_without_figures_says_so_and_how_to_import(client: TestClient) -> None:
    """There is no empty chart, but the sentence and the command."""
    page = client.get("/outcomes/unmeasured")
    said = words(page.text)
    assert "nothing can be told yet, because no whole week has been measured" in said
    assert "--outcome unmeasured" in said
    assert "<svg xmlns" not in page.text


def test_the_scorecard_is_never_green_without_data(client: TestClient) -> None:
    """Each cell without data is grey and says so in words."""
    page = client.get("/scorecard").text
    for state, word in re.findall(r'<td class="heat-(\w+)">.*?</svg>([^<]+)</span>', page, flags=re.DOTALL):
        assert (state == "good") == (word == "Met")
        assert (state == "none") == (word in {"No data", "Stale", "No target"})
    assert page.count('class="heat-good"') == sum(
        row["status"] == "Met" for row in client.get("/scorecard.json").json()["rows"]
    )


@pytest.mark.parametrize(
    "path",
    ["/outcomes/no-such", "/scorecard/no-such", "/v1/outcomes/no-such/effect", "/v1/use-cases/x/scorecard",
     "/v1/measurements?metric=no-such"],
)  # fmt: skip
def test_what_is_not_declared_is_not_there(client: TestClient, path: str) -> None:
    """The answer names what is missing."""
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not-found"


def test_the_api_says_what_the_page_says(client: TestClient) -> None:
    """One set of questions, several doors."""
    effect = client.get("/v1/outcomes/faster/effect").json()
    listed = client.get("/v1/outcomes").json()["items"]
    assert effect["headline"] in words(client.get("/outcomes/faster").text)
    assert {one["name"]: one["status"] for one in listed} == {
        "calls": "worse", "faster": "improved", "quotes": "no evidence yet", "unmeasured": "no data",
    }  # fmt: skip
    assert effect["caveat"] == CAVEAT
    assert effect["constraints"][0]["state"] == "within margin"
    assert effect["worth"]["counted"] is False
    card = client.get("/v1/use-cases/triage/scorecard").json()
    assert [layer["layer"] for layer in card["layers"]] == [
        "business", "process", "quality", "reliability", "adoption",
    ]  # fmt: skip
    scores = client.get("/v1/scorecard", params={"limit": 1}).json()
    assert (len(scores["items"]), scores["next_cursor"]) == (1, "quoting")
    assert client.get("/v1/measurements", params={"metric": "hours"}).json()["items"][0]["current"] is True


@pytest.fixture
def own(tmp_path: Path) -> Estate:
    """Give an estate that a test may change."""
    return make_estate(f"sqlite:///{tmp_path}/t.db", tmp_path)


def doors(estate: Estate, **given: Any) -> TestClient:
    """Return a client of an estate, for a caller."""
    return TestClient(make_app(estate, Caller(**given)), follow_redirects=False)


def send(client: TestClient, body: bytes, query: str = "outcome=faster", **headers: str) -> Any:
    """Import a file by the API."""
    sent = {"content-type": "text/csv", **headers}
    return client.post(f"/v1/measurements/import?{query}", content=body, headers=sent)


def test_the_api_imports_and_answers_again_alike(own: Estate) -> None:
    """A repeated request with a key gives the first answer, without one it says that nothing changed."""
    client = doors(own)
    body = as_csv(weekly("faster")).encode()
    keyed = {"idempotency-key": "k1"}
    first = send(client, body, "outcome=faster&file=hours.csv", **keyed).json()
    assert (first["status"], first["added"], first["subject"]) == ("imported", 52, "outcome/faster")
    assert send(client, body, "outcome=faster&file=hours.csv", **keyed).json() == first
    assert send(client, body).json()["status"] == "unchanged"


@pytest.mark.parametrize(
    ("body", "query", "status", "code"),
    [
        (b"week,value\n2026-01-05,x\n", "outcome=faster", 422, "measurement-file"),
        (b"\xff\xfe\x00", "outcome=faster", 422, "measurement-file"),
        (b"week,value\n2026-01-05,1\xff\n", "outcome=faster", 422, "measurement-file"),
        (b"", "outcome=faster", 422, "invalid"),
        (b"week,value\n2026-01-05,1\n", "", 422, "invalid"),
        (b"week,value\n2026-01-05,1\n", "outcome=faster&metric=hours", 422, "invalid"),
        (b"week,value\n2026-01-05,1\n", "outcome=nothing", 404, "not-found"),
        (b"week,value\n2026-01-05,1\n", "outcome=a%00b", 422, "invalid"),
        (b"week,value\n2026-01-05,1\n", "metric=latency", 422, "invalid"),
        (b"x" * (9 * 1024 * 1024), "outcome=faster", 413, "too-large"),
    ],
)  # fmt: skip
def test_bad_input_gives_a_clear_error(own: Estate, body: bytes, query: str, status: int, code: str) -> None:
    """What happened, why, and what to do; nothing is changed, with a key for repeats or without."""
    client = doors(own)
    for headers in ({}, {"idempotency-key": "k"}):
        answer = send(client, body, query, **headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.json()["title"]
    assert client.get("/v1/measurements?metric=hours").json()["items"] == []


def test_a_reader_may_not_import(own: Estate) -> None:
    """The permission is asked for at both doors, and the form is not even shown."""
    client = doors(own, permissions=frozenset({"outcome.read"}))
    assert send(client, as_csv(weekly("faster")).encode()).status_code == 403
    files = {"file": ("f.csv", as_csv(weekly("faster")))}
    form = {"outcome": "faster", "csrf": "csrf-of-the-session"}
    assert client.post("/outcomes", data=form, files=files).status_code == 403
    assert 'type="file"' not in client.get("/outcomes/faster").text


def test_the_form_imports_and_says_what_it_did(own: Estate) -> None:
    """A file comes in by an ordinary form; a corrected week shows what it was."""
    client = doors(own)
    form = {"outcome": "faster", "csrf": "csrf-of-the-session"}

    def post(text: str) -> Any:
        return client.post("/outcomes", data=form, files={"file": ("f.csv", text)}, headers=HTML)

    done = post(as_csv(weekly("faster")))
    assert (done.status_code, done.headers["location"]) == (303, "/outcomes/faster")
    assert bytes.fromhex(done.cookies["rw_notice"]).decode() == "Imported: 52 added."
    post(as_csv([(FIRST, 70.5)]))
    said = words(client.get("/outcomes/faster").text)
    assert "Corrected figures" in said
    refused = post("week,value\n2026-01-05,x\n")
    assert refused.status_code == 422
    assert "`x` is not a number." in words(refused.text)
    assert "Back to the outcome" in words(refused.text)


def test_a_form_without_its_token_is_refused(own: Estate) -> None:
    """Another site cannot import figures in somebody's name."""
    files = {"file": ("f.csv", as_csv(weekly("faster")))}
    assert doors(own).post("/outcomes", data={"outcome": "faster"}, files=files).status_code == 403


def test_no_word_of_a_declaration_becomes_markup(own: Estate) -> None:
    """A file's name is a stranger's text."""
    client = doors(own)
    own.measure(as_csv(weekly("faster")), source='"><script>alert(1)<x>.csv')
    page = client.get("/outcomes/faster").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_accessible_on_desk_and_phone(
    browser: Browser, axe: Callable[[Page], list[str]], console_url: str, path: str, theme: str
) -> None:
    """No axe violation, no sideways scroll of the page, in both themes at 1360 and 320 pixels."""
    context = browser.new_context()
    context.add_cookies([{"name": "rw_theme", "value": theme, "url": console_url}])
    page = context.new_page()
    spoken: list[str] = []
    page.on("console", lambda message: spoken.append(message.text))
    page.goto(console_url + path)
    for width, height in ((1360, 900), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert spoken == []
    context.close()
