"""The enforcement matrix: every dialect, streaming or not, with tools or not, meets every policy alike."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import msgspec
import pytest

from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.dialects.providers.table import PROVIDERS
from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.quota.quotas import Quotas
from roadworthy.gateway.snapshot import (
    Block,
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
from roadworthy.policy.language import read
from roadworthy.policy.statement import PolicyEntry
from roadworthy.quota.database_store import DatabaseStore
from roadworthy.quota.entry import BudgetEntry, LimitEntry, ScopeEntry
from roadworthy.quota.port import Place
from roadworthy.testing.chameleon import Chameleon
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource, key_hash
from roadworthy.usage.record import CallRecord
from tests.gateway import world

WORD = "xyzzy-plum-4711"
"""What the filters look for; streams bring it in pieces of three characters."""
CONVERSING = ("/chat/completions", "/responses", "/messages")
SPEAKING = tuple(sorted(PROVIDERS))
AT = {"gemini": "/v1beta", "azure-openai": "", "azure-openai-chat": "", "bedrock": ""}
SIDES = {
    **{
        f"input-{action.replace('_', '-')}": (action, "")
        for action in ("mask", "mask_reversibly", "block", "hold")
    },
    **{f"output-{action}": ("", action) for action in ("mask", "block")},
}
REFUSED = {
    "blocked": (403, "no_grant"),
    "stopped": (403, "killed"),
    "model-stopped": (403, "killed"),
    "other-model": (403, "model_not_granted"),
    "forbidden": (403, "policy_forbids"),
    "forbidden-now": (403, "policy_forbids"),
    "limited": (429, "rate_limited"),
    "tokens": (429, "rate_limited"),
    "broke": (429, "budget_exhausted"),
    "input-block": (403, "filter_blocked"),
    "input-hold": (403, "held_for_approval"),
}
USE_CASES = (
    *("open", "blocked", "stopped", "limited", "tokens", "broke", "forbidden", "forbidden-now"),
    *("whole-only", "no-look", *SIDES),
)
CEDAR = """
@id("never") forbid(principal, action, resource) when { context.use_case == UseCase::"forbidden" };
@id("at-no-hour") forbid(principal, action, resource)
when { context.use_case == UseCase::"forbidden-now" && context.hour >= 0 };
@id("no-streams") forbid(principal, action, resource)
when { context.use_case == UseCase::"whole-only" && context.stream };
@id("no-look") forbid(principal, action, resource)
when { context.use_case == UseCase::"no-look" && context.tools.contains("look") };
"""


def _key(use_case: str) -> str:
    letter = chr(ord("b") + USE_CASES.index(use_case))
    return f"rwk_{letter * 8}_{letter * 43}"


def _snapshot(url: str) -> Snapshot:
    """Every provider's dialect at one address; a use case for each policy."""
    providers = {
        name: ProviderEntry(
            name,
            url + AT.get(name, "/v1"),
            dialect=name,  # type: ignore[arg-type]
            api_key_ref="env:MATRIX_AWS" if name == "bedrock" else "env:MATRIX_KEY",
            allow_private=True,
            region="eu-central-1" if name == "bedrock" else "",
        )
        for name in SPEAKING
    }
    models = {
        model: ModelEntry(model, name, "up", 4096, 8000, 3000, 15000, price_source="test")
        for name in SPEAKING
        for model in (f"by-{name}", f"stopped-{name}", f"other-{name}")
    }
    granted = tuple(sorted(name for name in models if not name.startswith("other-")))
    return Snapshot(
        1,
        "2026-01-01T00:00:00+00:00",
        keys={
            key_hash(_key(one)): KeyEntry(f"{USE_CASES.index(one):08x}", "service-account/bot", one)
            for one in USE_CASES
        },
        principals={"service-account/bot": PrincipalEntry("bot", owner="person/ada")},
        grants=tuple(
            GrantEntry(f"g-{one}", one, tier="limited", models=granted, logging="full")
            for one in USE_CASES
            if one != "blocked"
        ),
        blocks={"blocked": Block((world.REASON,))},
        models=models,
        providers=providers,
        stops={
            of: Stop(of, "It misbehaves.", "person/olga", 1.0)
            for of in ("use-case/stopped", *(f"model/stopped-{name}" for name in SPEAKING))
        },
        filters={"word": FilterEntry("word", patterns={"plum": r"xyzzy-plum-\d{4}"})},
        filter_policies={
            name: FilterPolicyEntry(
                name, (FilterUse("word", input=sides[0], output=sides[1]),), use_cases=frozenset({name})
            )
            for name, sides in SIDES.items()
        },
        access_policies={"house": PolicyEntry("house", read(CEDAR).statements)},
        limits={
            "calls": LimitEntry("calls", ScopeEntry(use_case="limited"), requests=0),
            "tokens": LimitEntry("tokens", ScopeEntry(use_case="tokens"), input_tokens=1),
        },
        budgets={
            "money": BudgetEntry("money", ScopeEntry(use_case="broke"), 1, "USD", "month", owner="person/ada")
        },
    )


class Matrix:
    """A gateway with every policy, and what its one provider was asked."""

    def __init__(self, running: RunningGateway, provider: Chameleon) -> None:
        self.running = running
        self.provider = provider
        self.client = httpx2.Client(timeout=10, trust_env=False)
        self.root = running.url.removesuffix("/v1")

    def ask(self, path: str, body: dict[str, Any], key: str | None) -> tuple[httpx2.Response, CallRecord]:
        """Send a call; return its answer and its record."""
        self.provider.seen.clear()
        headers = {}
        if key is not None:
            headers = (
                {"x-api-key": key} if path.startswith("/messages") else {"authorization": f"Bearer {key}"}
            )
        answer = self.client.post(f"{self.running.url}{path}", json=body, headers=headers)
        assert WORD not in str(answer.headers)
        records = [one for one in self.running.records() if not one.open]
        assert len(records) == 1, records
        return answer, records[0]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """One gateway for the whole matrix."""
    directory = tmp_path_factory.mktemp("matrix")
    with pytest.MonkeyPatch.context() as patch, Chameleon() as provider:
        patch.setenv("MATRIX_KEY", "key-of-the-provider")
        patch.setenv("MATRIX_AWS", "AKIDEXAMPLE:" + "s" * 40)
        running = _gateway(directory, provider.url)
        with running:
            made = Matrix(running, provider)
            yield made
            made.client.close()


def _gateway(directory: Path, url: str) -> RunningGateway:
    database = Database(f"sqlite:///{directory}/quota.db")
    METADATA.create_all(database.engine)
    quotas = Quotas(
        DatabaseStore(database, alive=lambda _: True),
        place=Place("here", "spool", "test"),
        unix_now=lambda: 1e9,
    )
    source = SnapshotSource(_snapshot(url))
    return RunningGateway(
        directory, source, settings=GatewaySettings(port=0, spool_sync="interval"), quotas=quotas
    )


def _body(path: str, model: str, text: str, *, stream: bool, tools: bool) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}
    body: dict[str, Any] = {"model": model}
    if path == "/responses":
        body["input"] = text
        offered: dict[str, Any] = {"type": "function", "name": "look", "parameters": schema}
    elif path == "/chat/completions":
        body["messages"] = [{"role": "user", "content": text}]
        offered = {"type": "function", "function": {"name": "look", "parameters": schema}}
    elif path == "/embeddings":
        return body | {"input": text}
    else:
        body["messages"] = [{"role": "user", "content": text}]
        offered = {"name": "look", "input_schema": schema}
    if path == "/messages":
        body["max_tokens"] = 100
    if tools:
        body["tools"] = [offered]
    if stream:
        body["stream"] = True
    return body


def _said(path: str, answer: httpx2.Response, *, stream: bool) -> str:
    """Return the words, or a tool's argument, that a caller reads, put together as a client does."""
    if not stream:
        return json.dumps(answer.json(), ensure_ascii=False)
    parts: list[str] = []
    for line in answer.text.splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line[6:])
        if path == "/chat/completions":
            for choice in event.get("choices", ()):
                delta = choice.get("delta", {})
                parts.append(delta.get("content") or "")
                parts += [
                    one.get("function", {}).get("arguments") or "" for one in delta.get("tool_calls", ())
                ]
        elif path == "/responses":
            parts.append(delta if isinstance(delta := event.get("delta"), str) else "")
        else:
            delta = event.get("delta", {})
            parts.append(delta.get("text") or delta.get("partial_json") or "")
    return "".join(parts)


def _error_of(path: str, answer: httpx2.Response) -> dict[str, Any]:
    """Return the error in the caller's own dialect, its form checked."""
    if "event-stream" in answer.headers["content-type"]:
        events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
        said = next(
            one
            for one in reversed(events)
            if "error" in one or one.get("type") in {"error", "response.failed"}
        )
        if path == "/responses":
            return dict(said.get("error") or said.get("response", {}).get("error") or said)
    else:
        said = answer.json()
    if path.startswith("/messages"):
        assert said["type"] == "error", said
    error = said["error"]
    assert error["message"]
    assert error["type"]
    return dict(error)


class Cell(NamedTuple):
    """One cell: what the caller speaks, what the provider speaks, in which way."""

    path: str
    by: str
    stream: bool
    tools: bool

    def __str__(self) -> str:
        ways = "stream" if self.stream else "whole", "tools" if self.tools else "text"
        return "-".join((self.path[1:], self.by, *ways))

    def body(self, model: str, text: str) -> dict[str, Any]:
        """Return a request."""
        return _body(self.path, model, text, stream=self.stream, tools=self.tools)

    def order(self, words: str) -> str:
        """Return a text that has the provider say words, or call a tool with them."""
        return f"{'call' if self.tools else 'say'}:{words}"


CELLS = [Cell(*one) for one in itertools.product(CONVERSING, SPEAKING, (False, True), (False, True))]
cells = pytest.mark.parametrize("cell", CELLS, ids=str)


def test_matrix_has_every_dialect() -> None:
    """A dialect that is added has to be added here."""
    known = {path.decode().removeprefix("/v1") for path in CALLERS}
    assert known == {*CONVERSING, "/embeddings", "/messages/count_tokens"}
    assert len(CELLS) == len(CONVERSING) * len(PROVIDERS) * 4


@cells
def test_every_refusal_reaches_no_provider(matrix: Matrix, cell: Cell) -> None:
    """The same status, reason and record, whatever is spoken; the provider is not asked."""
    for policy, (status, code) in REFUSED.items():
        use_case, model = policy, f"by-{cell.by}"
        if policy == "model-stopped":
            use_case, model = "open", f"stopped-{cell.by}"
        elif policy == "other-model":
            use_case, model = "open", f"other-{cell.by}"
        body = cell.body(model, f"The word is {WORD}. say:Fine.")
        answer, record = matrix.ask(cell.path, body, _key(use_case))
        assert (answer.status_code, record.reason) == (status, code), (policy, answer.text)
        assert (record.decision, record.status, record.use_case) == ("refused", status, use_case), policy
        assert matrix.provider.seen == [], policy
        error = _error_of(cell.path, answer)
        assert error["roadworthy"]["trace_id"] == record.id
        assert error["roadworthy"]["next_step"]
        if policy.startswith("input-"):
            assert WORD not in answer.text + _everything(record), policy
    for key in (None, "rwk_zzzzzzzz_" + "z" * 43):
        answer, record = matrix.ask(cell.path, cell.body(f"by-{cell.by}", "Hi"), key)
        assert answer.status_code == 401, answer.text
        assert (record.decision, matrix.provider.seen) == ("refused", [])
        assert _error_of(cell.path, answer)["type"] == "authentication_error"


@cells
def test_what_is_allowed_is_answered_metered_and_recorded(matrix: Matrix, cell: Cell) -> None:
    """The words, or the tool's argument, arrive; the record says who, for what, by which model, what cost."""
    order = cell.order(f"{WORD}")
    answer, record = matrix.ask(cell.path, cell.body(f"by-{cell.by}", order), _key("open"))
    assert answer.status_code == 200, answer.text
    assert WORD in _said(cell.path, answer, stream=cell.stream)
    assert len(matrix.provider.seen) == 1
    said = (
        record.decision,
        record.status,
        record.use_case,
        record.model,
        record.provider,
        record.stream,
        record.error,
    )
    assert said == ("allowed", 200, "open", f"by-{cell.by}", cell.by, cell.stream, "")
    assert (record.input_tokens, record.output_tokens) == (11, 7)
    assert record.cost_nano == 11 * 3000 + 7 * 15000
    assert record.text is not None
    assert WORD in record.text.response


@cells
def test_masks_hold_on_both_sides(matrix: Matrix, cell: Cell) -> None:
    """What is masked on its way in reaches no provider, on its way out no caller, and never a record."""
    order = cell.order("Fine.")
    body = cell.body(f"by-{cell.by}", f"The word is {WORD}. {order}")
    answer, record = matrix.ask(cell.path, body, _key("input-mask"))
    assert answer.status_code == 200, answer.text
    assert WORD not in str(matrix.provider.seen)
    assert [(one.filter, one.side, one.action) for one in record.findings] == [("word", "input", "mask")]
    assert WORD not in _everything(record)

    order = cell.order(f"No {WORD} no")
    answer, record = matrix.ask(cell.path, cell.body(f"by-{cell.by}", order), _key("output-mask"))
    assert answer.status_code == 200, answer.text
    said = _said(cell.path, answer, stream=cell.stream)
    assert WORD not in said + answer.text
    assert "No [" in said
    assert "] no" in said
    assert [(one.filter, one.side, one.action) for one in record.findings] == [("word", "output", "mask")]
    assert record.text is not None
    assert WORD not in record.text.response


@cells
def test_reversible_masks_are_undone_for_the_caller_alone(matrix: Matrix, cell: Cell) -> None:
    """The provider sees a stand-in and repeats it; the caller reads what they sent, the record does not."""
    order = cell.order(f"{WORD} it is")
    body = cell.body(f"by-{cell.by}", order)
    answer, record = matrix.ask(cell.path, body, _key("input-mask-reversibly"))
    assert answer.status_code == 200, answer.text
    assert WORD not in str(matrix.provider.seen)
    assert f"{WORD} it is" in _said(cell.path, answer, stream=cell.stream)
    assert WORD not in _everything(record)


@cells
def test_blocked_output_never_arrives(matrix: Matrix, cell: Cell) -> None:
    """A whole answer becomes a refusal; a stream ends with an error, and not a letter of the word is out."""
    order = cell.order(f"No {WORD} no")
    body = cell.body(f"by-{cell.by}", order)
    answer, record = matrix.ask(cell.path, body, _key("output-block"))
    begun = cell.stream and not (
        cell.by == "gemini" and cell.tools
    )  # Gemini sends a tool's call in one piece
    assert answer.status_code == (200 if begun else 403), answer.text
    assert "filter_blocked" in json.dumps(_error_of(cell.path, answer))
    assert "4711" not in answer.text
    if begun:
        assert "xyzzy" not in _said(cell.path, answer, stream=True)
        assert "[DONE]" not in answer.text
    assert len(matrix.provider.seen) == 1
    assert [(one.filter, one.side, one.action) for one in record.findings] == [("word", "output", "block")]
    assert record.reason == "filter_blocked" or record.error == "filter_blocked"
    assert WORD not in (record.text.response if record.text else "")
    assert (record.input_tokens or 0) > 0, "what the provider did is paid for"


@pytest.mark.parametrize("by", SPEAKING)
@pytest.mark.parametrize("path", ["/embeddings", "/messages/count_tokens"])
def test_what_only_reads_meets_the_same_policies(matrix: Matrix, path: str, by: str) -> None:
    """Embeddings and token counts are calls: governed, filtered on their way in, recorded."""
    for policy, (status, code) in REFUSED.items():
        if policy in {"model-stopped", "other-model"}:
            use_case, model = "open", f"{policy.removesuffix('-model').removeprefix('model-')}-{by}"
        else:
            use_case, model = policy, f"by-{by}"
        body = _body(path, model, f"The word is {WORD}.", stream=False, tools=False)
        answer, record = matrix.ask(path, body, _key(use_case))
        assert (answer.status_code, record.reason) == (status, code), (policy, answer.text)
        assert matrix.provider.seen == [], policy
        _error_of(path, answer)
    body = _body(path, f"by-{by}", f"The word is {WORD}.", stream=False, tools=False)
    answer, record = matrix.ask(path, body, _key("input-mask"))
    assert WORD not in str(matrix.provider.seen) + _everything(record)


@cells
def test_a_policy_about_streams_or_tools_meets_those_alone(matrix: Matrix, cell: Cell) -> None:
    """What a policy asks of the one call is read in every dialect: streams, and tools by their names."""
    for use_case, meant, statement in (
        ("whole-only", cell.stream, "no-streams"),
        ("no-look", cell.tools, "no-look"),
    ):
        answer, record = matrix.ask(
            cell.path, cell.body(f"by-{cell.by}", cell.order("Fine.")), _key(use_case)
        )
        assert answer.status_code == (403 if meant else 200), answer.text
        assert record.reason == ("policy_forbids" if meant else "")
        assert len(matrix.provider.seen) == (0 if meant else 1)
        if meant:
            said = _error_of(cell.path, answer)["roadworthy"]
            line = CEDAR[: CEDAR.index(f'@id("{statement}")')].count("\n") + 1
            assert said["declaration"] == f"access-policy/house:{line}"
            assert f"`{statement}` in line {line}" in json.dumps(said) + answer.text


def _everything(record: CallRecord) -> str:
    return msgspec.json.encode(record).decode()
