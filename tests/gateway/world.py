"""A small world of keys, grants and models that the gateway's tests share."""

from __future__ import annotations

import msgspec

from roadworthy.gateway.snapshot import (
    Block,
    GrantEntry,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    Reason,
    RouteEntry,
    Snapshot,
)
from roadworthy.testing.gateway_process import key_hash

KEY = "rwk_aaaaaaaa_" + "a" * 43
BLOCKED_KEY = "rwk_bbbbbbbb_" + "b" * 43
SCRIPTS = (
    *("ok", "slow", "silent", "reset", "close-kept", "endless", "flood", "breaks", "split"),
    *(f"status-{status}" for status in (400, 401, 404, 429, 500, 503)),
    *("garbage", "not-json", "error-in-200", "half", "redirect", "gzip", "two-lengths", "huge-header"),
    *("only-done", "error-event", "error-later", "long-line"),
    *("usage-nonsense", "usage-text", "interim", "until-close"),
)
REASON = Reason(
    "approval_missing",
    "The approval of the risk owner is missing.",
    "use-case/letters (letters.yaml:3)",
    ("person/ruth",),
    "Ask person/ruth to approve it.",
)


def snapshot(provider_url: str, *, revision: int = 1, **changes: object) -> Snapshot:
    """Return a snapshot in which `KEY` may call every script of the fake provider, as a model of its name."""
    provider = ProviderEntry("fake", provider_url, allow_private=True, connect_timeout_s=1, total_timeout_s=5)
    dead = ProviderEntry("dead", "http://127.0.0.1:9/v1", allow_private=True, connect_timeout_s=1)
    shy = ProviderEntry("shy", provider_url, allow_private=False)
    models = {
        name: ModelEntry(name, "fake", name, 1000, 8000, 3, 15, price_source="test") for name in SCRIPTS
    }
    models["priceless"] = ModelEntry("priceless", "fake", "ok")
    models["dead"] = ModelEntry("dead", "dead", "ok")
    models["shy"] = ModelEntry("shy", "shy", "ok")
    models["ungranted"] = ModelEntry("ungranted", "fake", "ok")
    routes = {
        "chat": RouteEntry("chat", ("dead", "status-503", "ok"), timeout_s=1),
        "hasty": RouteEntry("hasty", ("silent", "ok"), timeout_s=0.3),
        "smuggle": RouteEntry("smuggle", ("ungranted",)),
        "broken": RouteEntry("broken", ("dead", "status-503")),
        **{f"after-{name}": RouteEntry(f"after-{name}", (name, "ok")) for name in SCRIPTS},
    }
    grant = GrantEntry(
        "g-1",
        "claims",
        namespace="insurance",
        models=tuple(sorted(set(models) - {"ungranted"})),
        routes=tuple(sorted(routes)),
        declared_at="claims.yaml:7",
        changers=("person/ada",),
    )
    made = Snapshot(
        revision,
        "2026-01-01T00:00:00+00:00",
        keys={
            key_hash(KEY): KeyEntry("aaaaaaaa", "service-account/claims-bot", "claims"),
            key_hash(BLOCKED_KEY): KeyEntry("bbbbbbbb", "service-account/claims-bot", "letters"),
        },
        principals={
            "service-account/claims-bot": PrincipalEntry(
                "claims-bot", owner="person/ada", source="bot.yaml:1"
            )
        },
        grants=(grant,),
        blocks={"letters": Block((REASON,))},
        models=models,
        routes=routes,
        providers={one.name: one for one in (provider, dead, shy)},
    )
    return msgspec.structs.replace(made, **changes)
