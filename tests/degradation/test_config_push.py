"""R-11: five hundred pushes, a fifth invalid, under load on two gateways: no call sees two revisions."""

from __future__ import annotations

import random
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import msgspec

from roadworthy.gateway.delta import Delta
from roadworthy.gateway.refresh import RejectedError
from roadworthy.gateway.snapshot import Snapshot
from roadworthy.testing.fake_provider import USAGE, FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from roadworthy.usage.record import CallRecord
from tests.gateway import world

PUSHES = 500
BODY = b'{"model": "ok", "messages": []}'


class Pushed(SnapshotSource):
    """A source that changes are pushed to; every other valid one is handed out as a change, not in full."""

    invalid = False

    def load(self, held: int) -> Snapshot | None:
        """Answer as a control plane does, or with what cannot be used."""
        if self.invalid:
            raise RejectedError("model/ok: its provider is not declared")
        found = super().load(held)
        if found is not None and held >= 0 and found.revision % 2:
            changed = msgspec.structs.replace(
                Snapshot(found.revision, found.compiled_at), models={"ok": found.models["ok"]}
            )
            return Delta(changed)  # type: ignore[return-value]  # both are taken
        return found


def priced(first: Snapshot, revision: int) -> Snapshot:
    """Return the snapshot of a revision: its number is the price of a token."""
    model = msgspec.structs.replace(first.models["ok"], input_price_nano=revision, output_price_nano=revision)
    return msgspec.structs.replace(first, revision=revision, models={**first.models, "ok": model})


def ask(gateway: RunningGateway, stop: threading.Event, statuses: list[int]) -> None:
    """Call again and again."""
    headers = {"authorization": f"Bearer {world.KEY}", "content-type": "application/json"}
    while not stop.wait(0.005):
        request = urllib.request.Request(f"{gateway.url}/chat/completions", BODY, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                statuses.append(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                statuses.append(error.code)


def test_every_call_is_decided_and_priced_on_one_revision(tmp_path: Path, provider: FakeProvider) -> None:
    """What a record says of its revision is what it was priced at; a valid push is in force within 2 s."""
    first = world.snapshot(provider.url)
    sources = [Pushed(priced(first, 1)) for _ in range(2)]
    records: list[CallRecord] = []
    took: list[float] = []
    chosen, stop, statuses = random.Random(11), threading.Event(), list[int]()
    for number in range(2):
        (tmp_path / f"{number}").mkdir()
    with (
        RunningGateway(tmp_path / "0", sources[0], store=records.extend) as one,
        RunningGateway(tmp_path / "1", sources[1], store=records.extend) as two,
    ):
        callers = [
            threading.Thread(target=ask, args=(gateway, stop, statuses)) for gateway in (one, two, one, two)
        ]
        for caller in callers:
            caller.start()
        revision = 1
        for _ in range(PUSHES):
            if chosen.random() < 0.2:
                for source in sources:
                    source.invalid = True
                for gateway in (one, two):
                    _refused(gateway)
                    assert _revision(gateway) == revision, "the last good one stays"
                for source in sources:
                    source.invalid = False
                continue
            revision += 1
            began = time.monotonic()
            for gateway in (one, two):
                gateway.publish(priced(first, revision))
            while min(_revision(one), _revision(two)) < revision:
                assert time.monotonic() - began < 5, "a push did not arrive"
                time.sleep(0.001)
            took.append(time.monotonic() - began)
        stop.set()
        for caller in callers:
            caller.join(10)
    # A gateway that gets no processor for two seconds refuses rather than decide on what is old.
    assert set(statuses) <= {200, 503}
    assert statuses.count(503) <= len(statuses) // 50
    assert len(statuses) >= 200, "too few calls to prove anything"
    assert len({one.revision for one in records}) >= 50
    tokens = USAGE["prompt_tokens"] + USAGE["completion_tokens"]
    mixed = [(one.revision, one.cost_nano) for one in records if one.cost_nano != tokens * one.revision]
    assert mixed == []
    took.sort()
    assert took[int(len(took) * 0.99)] <= 2.0


def _refused(gateway: RunningGateway) -> None:
    """Wait until the gateway has looked at what it cannot use."""
    until = time.monotonic() + 5
    while "refused" not in gateway.holder.error:
        assert time.monotonic() < until
        gateway.holder.refresh()


def _revision(gateway: RunningGateway) -> int:
    index = gateway.holder.index
    return index.revision if index is not None else -1
