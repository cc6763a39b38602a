"""Limits and budgets as a caller of a real gateway meets them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx

from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.quota.quotas import Quotas
from roadworthy.quota.database_store import local
from roadworthy.quota.entry import BudgetEntry, LimitEntry, ScopeEntry
from roadworthy.quota.port import Place
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from tests.gateway import world

BUDGET = BudgetEntry("claims", ScopeEntry(use_case="claims"), 1_000_000, "USD", "month", "person/ada")
LIMIT = LimitEntry("calm", ScopeEntry(), each="key", per="day", requests=3, owner="person/ops")


@contextmanager
def running(folder: Path, provider: FakeProvider, **declared: Any) -> Iterator[tuple[RunningGateway, Quotas]]:
    """Run a gateway with limits and budgets."""
    folder.mkdir(exist_ok=True)
    store = local(folder / "quota.db", alive=lambda _: True)
    quotas = Quotas(store, place=Place("h", "s", "p"), unix_now=time.time, counts_itself=True)
    source = SnapshotSource(world.snapshot(provider.url, **declared))
    settings = GatewaySettings(port=0, drain_s=5)
    with RunningGateway(folder, source, settings=settings, quotas=quotas) as gateway:
        yield gateway, quotas


def ask(gateway: RunningGateway, model: str = "ok", **more: object) -> httpx.Response:
    """Call."""
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}
    headers = {"authorization": f"Bearer {world.KEY}"}
    return httpx.post(f"{gateway.url}/chat/completions", json=body, headers=headers, timeout=20)


def test_the_call_after_the_last_is_refused_and_told_why(tmp_path: Path, provider: FakeProvider) -> None:
    """429 names the limit, whose it is, when it starts again, who can raise it; headers tell programs."""
    with running(tmp_path, provider, limits={"calm": LIMIT}) as (gateway, _):
        assert [ask(gateway, max_tokens=5).status_code for _ in range(3)] == [200, 200, 200]
        refused = ask(gateway, max_tokens=5)

    error = refused.json()["error"]
    assert refused.status_code == 429
    assert error["code"] == "rate_limited"
    assert "limit/calm allows 3 requests per day for key/aaaaaaaa" in error["message"]
    assert "person/ops" in refused.text
    assert "smaller" not in error["message"], "a smaller call is no fewer requests"
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert 0 < int(refused.headers["retry-after"]) <= 86_400


def test_a_budget_is_spent_to_the_billionth_and_no_further(tmp_path: Path, provider: FakeProvider) -> None:
    """What the store says was spent is what records say; a call that might not fit is refused before."""
    with running(tmp_path, provider, budgets={"claims": BUDGET}) as (gateway, quotas):
        served = 0
        for _ in range(400):
            answer = ask(gateway, max_tokens=66_000)  # nearly all of the budget, so that few fit
            if answer.status_code == 429:
                break
            served += 1
        assert answer.json()["error"]["code"] == "budget_exhausted"
        assert "budget/claims allows 0.001 USD per month" in answer.json()["error"]["message"]
        records = [one for one in gateway.records(at_least=served) if one.status == 200]
        assert not quotas.core.outstanding
    cost = sum(one.cost_nano or 0 for one in records)
    assert served == len(records) > 0
    assert all(one.leases for one in records)
    assert spent(tmp_path) == [(cost, 0)]
    assert cost <= BUDGET.amount


def test_an_unknown_price_is_refused_unless_a_default_is_declared(
    tmp_path: Path, provider: FakeProvider
) -> None:
    """A budget cannot pay what nobody can say the price of; with a default price it can."""
    with running(tmp_path / "a", provider, budgets={"claims": BUDGET}) as (gateway, _):
        refused = ask(gateway, "priceless", max_tokens=5)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "price_unknown"
    priced = BudgetEntry(
        "claims", ScopeEntry(), 10**12, "USD", "month", "person/ada",
        default_input_nano=7, default_output_nano=11,
    )  # fmt: skip
    with running(tmp_path / "b", provider, budgets={"claims": priced}) as (gateway, _):
        assert ask(gateway, "priceless", max_tokens=5).status_code == 200
    assert spent(tmp_path / "b")[0][0] > 0
    assert spent(tmp_path / "b")[0][1] == 0


def test_a_call_that_fails_costs_nothing_and_holds_nothing(tmp_path: Path, provider: FakeProvider) -> None:
    """Refused connections, errors and silence give back what was reserved."""
    with running(tmp_path, provider, budgets={"claims": BUDGET}) as (gateway, quotas):
        for model in ("status-503", "status-500", "reset", "garbage"):
            assert ask(gateway, model, max_tokens=5).status_code >= 500
        assert not quotas.core.outstanding
        assert quotas.leaks == 0
    assert spent(tmp_path) == [(0, 0)]


def spent(folder: Path) -> list[tuple[int, int]]:
    """Return what the store says of budgets: spent and leased."""
    from roadworthy.foundation.storage.database import Database
    from roadworthy.quota import store

    database = Database(f"sqlite:///{folder / 'quota.db'}")
    with database.read() as tx:
        rows = tx.connection.execute(store.counters.select()).all()
    database.close()
    return [(row.spent, row.leased) for row in rows if row.id.startswith("budget/")]
