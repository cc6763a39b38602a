"""What autonomy does to calls, in every dialect: marks, answers that wait for a person, samples."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx2
import msgspec
import pytest

from roadworthy.drafts import operations as drafts
from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.gateway.desk import Desk, look
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.oversight import draft_lines, drawn
from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.snapshot import (
    FilterEntry,
    FilterPolicyEntry,
    FilterUse,
    GrantEntry,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    Snapshot,
    Stop,
)
from roadworthy.registry.actor import Actor
from roadworthy.testing.chameleon import Chameleon
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource, key_hash
from roadworthy.usage import drafted
from roadworthy.usage import operations as usage
from roadworthy.usage.record import DRAFT_BYTES_MAX, CallRecord

SECRET = "plum-4711-of-the-answer"
PATHS = ("/chat/completions", "/responses", "/messages")
PROVIDERS = ("openai", "openai-chat", "anthropic")
RITA = Actor("person/rita", "api")
Level = Literal["assist", "supervise", "automate"]
LEVELS: dict[str, tuple[Level, Literal["marked", "withheld"]]] = {
    "marked": ("assist", "marked"),
    "withheld": ("assist", "withheld"),
    "masked": ("assist", "withheld"),
    "stopped": ("assist", "withheld"),
    "sampled": ("supervise", "withheld"),
    "alone": ("automate", "withheld"),
}


def key(use_case: str, holder: str = "a") -> str:
    """Return the key of an account for a use case."""
    letter = chr(ord(holder) + 2 * list(LEVELS).index(use_case))
    return f"rwk_{letter * 8}_{letter * 43}"


def snapshot(url: str) -> Snapshot:
    """A use case for each level; two accounts hold a key for each."""
    holders = {"a": "service-account/bot", "b": "service-account/other"}
    return Snapshot(
        1,
        "2026-01-01T00:00:00+00:00",
        keys={
            key_hash(key(name, letter)): KeyEntry(f"{name}-{letter}", holder, name)
            for name in LEVELS
            for letter, holder in holders.items()
        },
        principals={name: PrincipalEntry(name.partition("/")[2]) for name in holders.values()},
        grants=tuple(
            GrantEntry(
                f"g-{name}",
                name,
                namespace="claims",
                models=tuple(f"by-{one}" for one in PROVIDERS),
                retention_days=90,
                autonomy=level,
                draft=draft,
                review_share=1.0,
                basis="b" * 16,
            )
            for name, (level, draft) in LEVELS.items()
        ),
        models={f"by-{name}": ModelEntry(f"by-{name}", name, "up", 4096, 8000, 3, 15) for name in PROVIDERS},
        providers={
            name: ProviderEntry(name, f"{url}/v1", dialect=name, allow_private=True)  # type: ignore[arg-type]
            for name in PROVIDERS
        },
        filters={"plum": FilterEntry("plum", patterns={"plum": r"plum-\d{4}"})},
        filter_policies={
            "masks": FilterPolicyEntry(
                "masks", (FilterUse("plum", output="mask"),), use_cases=frozenset({"masked"})
            )
        },
        stops={},
    )


class Desks:
    """A gateway, the database its records arrive in, and a person who decides."""

    def __init__(self, directory: Path, provider: Chameleon) -> None:
        self.database = Database(f"sqlite:///{directory}/control.db")
        METADATA.create_all(self.database.engine)
        self.provider = provider
        self.source = SnapshotSource(snapshot(provider.url))
        self.records: list[CallRecord] = []
        self.running = RunningGateway(
            directory,
            self.source,
            settings=GatewaySettings(port=0, spool_sync="interval"),
            store=self._store,
            desk=Desk(partial(look, self.database, lambda: datetime.now(UTC))),
        )
        self.client = httpx2.Client(timeout=20, trust_env=False)

    def _store(self, records: Any) -> None:
        usage.ingest_into(self.database, records, source="test", hooks=(drafts.note_drafts,))
        self.records += records

    def call(
        self, use_case: str, path: str, by: str = "openai", *, stream: bool = False, say: str = SECRET
    ) -> httpx2.Response:
        """Make a call whose answer holds the secret."""
        order = f"say:{say}"
        body: dict[str, Any] = {"model": f"by-{by}", "stream": stream}
        if path == "/responses":
            body["input"] = order
        else:
            body["messages"] = [{"role": "user", "content": order}]
        if path == "/messages":
            body["max_tokens"] = 100
        return self.client.post(f"{self.running.url}{path}", json=body, headers=_auth(path, key(use_case)))

    def look(self, draft: str, token: str, path: str = "/chat/completions") -> httpx2.Response:
        """Ask the gateway for a draft."""
        return self.client.get(f"{self.running.url}/drafts/{draft}", headers=_auth(path, token))

    def arrived(self, call: str) -> CallRecord:
        """Wait until the record of a call is stored."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for one in self.records:
                if one.id == call:
                    return one
            time.sleep(0.02)
        raise AssertionError(f"{call} did not arrive")

    def decide(self, draft: str, verdict: Any, **more: Any) -> None:
        """Have a person decide."""
        with self.database.write() as tx:
            drafts.decide(tx, draft_id=draft, verdict=verdict, actor=RITA, now=datetime.now(UTC), **more)


def _auth(path: str, token: str) -> dict[str, str]:
    if path == "/messages":
        return {"x-api-key": token, "anthropic-version": "2023-06-01"}
    return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def desks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desks]:
    """One gateway for all."""
    with Chameleon() as provider:
        made = Desks(tmp_path_factory.mktemp("drafts"), provider)
        with made.running:
            yield made
        made.client.close()


class Cell(NamedTuple):
    """What the caller speaks, what the provider speaks, and whether a stream is asked for."""

    path: str
    by: str
    stream: bool

    def __str__(self) -> str:
        return f"{self.path[1:]}-{self.by}-{'stream' if self.stream else 'whole'}"


CELLS = [Cell(*one) for one in itertools.product(PATHS, PROVIDERS, (False, True))]
every_cell = pytest.mark.parametrize("cell", CELLS, ids=str)
cells = pytest.mark.parametrize("cell", [one for one in CELLS if one.by != "openai-chat"], ids=str)


def draft_of(answer: httpx2.Response) -> str:
    """Return the draft an answer names; its call says the same."""
    draft = answer.headers["x-roadworthy-draft"]
    assert draft == drafted.draft_id(answer.headers["x-roadworthy-trace-id"])
    return str(draft)


@every_cell
def test_a_withheld_answer_reaches_its_caller_once_a_person_released_it(desks: Desks, cell: Cell) -> None:
    """Before: an error in its dialect, whole even where a stream was asked for; after: the answer."""
    answer = desks.call("withheld", cell.path, cell.by, stream=cell.stream)
    assert answer.status_code == 403, answer.text
    assert SECRET not in answer.text
    assert SECRET not in str(answer.headers)
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    draft = draft_of(answer)
    assert error["roadworthy"]["reason"] == "draft_withheld"
    assert draft in error["message"]
    record = desks.arrived(drafted.call_id(draft))
    assert (record.draft, record.decision, record.status, record.stream) == (
        "withheld",
        "allowed",
        403,
        False,
    )
    assert record.output_tokens, "the provider worked, and is paid"
    waiting = desks.look(draft, key("withheld"), cell.path)
    assert waiting.json() | {"made_at": "", "lapses_at": ""} == {
        "id": draft, "object": "draft", "call": record.id, "use_case": "withheld", "form": "withheld",
        "state": "waiting", "made_at": "", "lapses_at": "", "decided_at": None, "edited": False, "reason": "",
        "answer": None,
    }  # fmt: skip
    desks.decide(draft, "accepted")
    released = desks.look(draft, key("withheld"), cell.path).json()
    assert released["state"] == "released"
    told = CALLERS[f"/v1{cell.path}".encode()].answer_texts(json.dumps(released["answer"]).encode())
    assert any(SECRET in one for one in told)


def test_an_edited_answer_is_what_its_caller_gets(desks: Desks) -> None:
    """As the person changed it, with their reason."""
    draft = draft_of(desks.call("withheld", "/messages", "anthropic"))
    desks.arrived(drafted.call_id(draft))
    with desks.database.read() as tx:
        before = drafted.withheld(tx, drafted.call_id(draft))
    assert before is not None
    changed = before.replace(SECRET, "what a person wrote")
    desks.decide(draft, "edited", reason="It was wrong.", changed=changed)
    released = desks.look(draft, key("withheld")).json()
    assert (released["state"], released["edited"], released["reason"]) == ("released", True, "It was wrong.")
    assert released["answer"] == json.loads(changed)


def test_a_rejected_answer_never_reaches_its_caller(desks: Desks) -> None:
    """It hears why, and nothing of the answer."""
    draft = draft_of(desks.call("withheld", "/chat/completions"))
    desks.arrived(drafted.call_id(draft))
    desks.decide(draft, "rejected", reason="It names a wrong rule.")
    told = desks.look(draft, key("withheld"))
    assert SECRET not in told.text
    assert (told.json()["state"], told.json()["answer"]) == ("rejected", None)


def test_nobody_elses_key_sees_a_draft(desks: Desks) -> None:
    """Not another account's of the same use case, not the same account's of another, not no key."""
    draft = draft_of(desks.call("withheld", "/chat/completions"))
    desks.arrived(drafted.call_id(draft))
    desks.decide(draft, "accepted")
    for token, status in ((key("withheld", "b"), 404), (key("marked"), 404), ("none", 401)):
        told = desks.look(draft, token)
        assert (told.status_code, SECRET in told.text) == (status, False)
    assert (
        desks.look("dr_" + "0" * 32, key("withheld")).json()["error"]["roadworthy"]["reason"]
        == "draft_unknown"
    )
    assert desks.client.post(f"{desks.running.url}/drafts/{draft}").status_code == 405


def test_filters_have_read_what_waits(desks: Desks) -> None:
    """What is masked for the caller is masked in what waits for a person."""
    draft = draft_of(desks.call("masked", "/chat/completions"))
    desks.arrived(drafted.call_id(draft))
    with desks.database.read() as tx:
        kept = drafted.kept(tx, drafted.call_id(draft))
    assert kept.draft
    assert "plum-4711" not in kept.draft
    assert (kept.prompt, kept.response) == ("", "")


def test_a_kill_switch_holds_what_was_released(desks: Desks) -> None:
    """While a use case is stopped, nothing of it is given out; after that, what was released is."""
    draft = draft_of(desks.call("stopped", "/chat/completions"))
    desks.arrived(drafted.call_id(draft))
    desks.decide(draft, "accepted")
    before = desks.source.current
    stop = Stop("use-case/stopped", "It misbehaves.", "person/olga", 1.0)
    try:
        desks.running.publish(_with(before, revision=before.revision + 1, stops={stop.of: stop}))
        told = desks.look(draft, key("stopped"))
        assert (told.status_code, SECRET in told.text) == (403, False)
    finally:
        desks.running.publish(_with(before, revision=before.revision + 2))
    assert SECRET in desks.look(draft, key("stopped")).text


def _with(one: Snapshot, **changes: Any) -> Snapshot:
    return msgspec.structs.replace(one, **changes)


def test_what_is_too_large_to_wait_goes_to_nobody(desks: Desks) -> None:
    """The caller hears that, and nothing is kept."""
    answer = desks.call("withheld", "/chat/completions", say="x" * (DRAFT_BYTES_MAX + 1))
    assert answer.status_code == 502
    assert "x-roadworthy-draft" not in answer.headers
    assert answer.json()["error"]["roadworthy"]["reason"] == "draft_too_large"
    record = desks.arrived(answer.headers["x-roadworthy-trace-id"])
    assert (record.draft, record.text) == ("", None)


@cells
def test_a_marked_answer_goes_out_with_its_mark(desks: Desks, cell: Cell) -> None:
    """The answer as ever, streams included; whether it is released is asked for, and decided by a person."""
    answer = desks.call("marked", cell.path, cell.by, stream=cell.stream)
    assert answer.status_code == 200
    draft = draft_of(answer)
    record = desks.arrived(drafted.call_id(draft))
    assert (record.draft, record.basis, record.stream, record.text) == ("marked", "b" * 16, cell.stream, None)
    assert desks.look(draft, key("marked"), cell.path).json()["state"] == "waiting"
    desks.decide(draft, "accepted")
    told = desks.look(draft, key("marked"), cell.path).json()
    assert (told["state"], told["answer"]) == ("released", None)


@cells
def test_a_sample_goes_out_unmarked_and_waits_for_a_reviewer(desks: Desks, cell: Cell) -> None:
    """Its caller need not know; a person says afterwards what it should have been."""
    answer = desks.call("sampled", cell.path, cell.by, stream=cell.stream)
    assert answer.status_code == 200
    assert "x-roadworthy-draft" not in answer.headers
    record = desks.arrived(answer.headers["x-roadworthy-trace-id"])
    assert record.draft == "sample"
    draft = drafted.draft_id(record.id)
    assert desks.look(draft, key("sampled")).status_code == 404, "callers need not know what is sampled"
    desks.decide(draft, "edited", reason="It should have named the rule.")


@cells
def test_nothing_is_asked_of_a_use_case_that_runs_by_itself(desks: Desks, cell: Cell) -> None:
    """No mark, no wait, no sample."""
    answer = desks.call("alone", cell.path, cell.by, stream=cell.stream)
    assert answer.status_code == 200
    assert "x-roadworthy-draft" not in answer.headers
    assert desks.arrived(answer.headers["x-roadworthy-trace-id"]).draft == ""


def test_vectors_and_counts_are_no_drafts(desks: Desks) -> None:
    """They are no outputs that a person could release."""
    answer = desks.client.post(
        f"{desks.running.url}/embeddings",
        json={"model": "by-openai", "input": "Hi"},
        headers=_auth("", key("withheld")),
    )
    assert answer.status_code == 200, answer.text
    assert desks.arrived(answer.headers["x-roadworthy-trace-id"]).draft == ""


def test_a_gateway_without_the_desk_asks_no_provider(tmp_path: Path) -> None:
    """From a folder or a bundle nobody can release: the call is refused before it costs anything."""
    with Chameleon() as provider:
        source = SnapshotSource(snapshot(provider.url))
        with RunningGateway(tmp_path, source, settings=GatewaySettings(port=0)) as running:
            body = {"model": "by-openai", "messages": [{"role": "user", "content": "say:Hi"}]}
            for use_case, status in (("withheld", 403), ("marked", 200)):
                answer = httpx2.post(
                    f"{running.url}/chat/completions", json=body, headers=_auth("", key(use_case)), timeout=20
                )
                assert answer.status_code == status
                assert len(provider.seen) == (status == 200)
            told = httpx2.get(f"{running.url}/drafts/dr_1", headers=_auth("", key("withheld")), timeout=20)
            assert told.json()["error"]["roadworthy"]["reason"] == "drafts_elsewhere"


def test_samples_are_drawn_by_the_random_part_of_the_id() -> None:
    """As many as were declared, and nobody chooses which."""
    assert drawn("tr_0" + "0" * 31, 1)
    assert not drawn("tr_0" + "f" * 31, 0xFFFFFFFF)
    ids = [f"tr_{place:012x}{place * 2_654_435_761 % 2**32:020x}" for place in range(10_000)]
    assert sum(drawn(one, round(0.05 * 2**32)) for one in ids) == pytest.approx(500, abs=60)


def test_the_mark_is_one_header_line() -> None:
    """It ends as header lines do."""
    assert draft_lines("tr_0198") == b"x-roadworthy-draft: dr_0198\r\n"
