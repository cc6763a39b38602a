"""What the gateway plugs into the control plane; its own process is put together in `process`."""

from __future__ import annotations

from pathlib import Path

from roadworthy.controls.collecting import COLLECTORS_SOCKET
from roadworthy.gateway import (
    access_pages,
    backtest_http,
    backtest_pages,
    draft_http,
    draft_pages,
    filter_admission,
    filter_http,
    filter_pages,
    grant_http,
    http,
    pages,
    policy_http,
    policy_pages,
    proposing,
    replay_http,
    replay_pages,
    signals,
    trace_pages,
)
from roadworthy.gateway.kinds import KINDS
from roadworthy.gateway.route_section import sections
from roadworthy.registry.door import SECTIONS_SOCKET
from roadworthy.registry.slice import NavEntry, Slice

SLICE = Slice(
    name="gateway",
    kinds=KINDS,
    admission=(filter_admission.check_policy, filter_admission.check_filter),
    effects=(proposing.effects, filter_admission.effects),
    routers=(
        http.router,
        pages.router,
        trace_pages.router,
        replay_http.router,
        replay_pages.router,
        access_pages.router,
        filter_http.router,
        filter_pages.router,
        policy_http.router,
        grant_http.router,
        policy_pages.router,
        backtest_http.router,
        backtest_pages.router,
        draft_http.router,
        draft_pages.router,
    ),
    templates=Path(__file__).parent / "templates",
    navigation=(
        NavEntry("Traces", "/traces", "traces", 50, "usage.read"),
        NavEntry("Drafts", "/drafts", "check", 5, "usage.read"),
    ),
    sockets={SECTIONS_SOCKET: sections, COLLECTORS_SOCKET: signals.collect},
)
