"""Money and times in what the command line prints are read by people."""

from __future__ import annotations

from typing import Any

from roadworthy.entrypoints.cli.commands.budgets import _figure
from roadworthy.entrypoints.cli.commands.calls import _replayed


def test_a_small_amount_is_no_power_of_ten() -> None:
    """A quarter of a millionth stands in full."""
    assert _figure({"used": 250, "currency": "EUR"}, "used") == "0.00000025 EUR"


def test_a_replay_says_money_in_its_currency_and_time_in_milliseconds() -> None:
    """Nobody takes 5,660 billionths of a euro for 5,660 euros."""
    fields: list[dict[str, Any]] = [
        {"name": "cost_nano", "title": "Cost", "before": 5660, "after": 7040, "differs": True},
        {"name": "latency_ms", "title": "Latency", "before": 7371.72, "after": None, "differs": False},
    ]
    found = {
        "refused": "", "dry": True, "next_step": "", "fields": fields, "output_diff": "", "notes": [],
        "replay": "",
    }  # fmt: skip
    assert _replayed(found) == ["~ Cost: 0.00000566 -> 0.00000704", "= Latency: 7,372 ms -> -"]
