"""What the API and the console share to run a past call again: rights, the ticket, the comparison."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from roadworthy.foundation.errors import ForbiddenError, UnavailableError
from roadworthy.foundation.storage.database import Tx, assert_no_transaction
from roadworthy.foundation.web.context import Call
from roadworthy.gateway import comparison, rehearsal, replay_queries, rerun, ticket
from roadworthy.gateway.comparison import Field, Outcome
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.gateway.rehearsal import Past
from roadworthy.gateway.replay_queries import Candidate
from roadworthy.gateway.ticket import LASTS_S, Ticket, Told
from roadworthy.identity.identify import PEPPER_SOCKET
from roadworthy.registry import audit, operations
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.manifest import Manifest
from roadworthy.usage import operations as usage_operations
from roadworthy.usage import queries as usage

GATEWAY_SOCKET = "gateway.url"
TIMEOUT_S = 120.0
ANSWER_BYTES_MAX = 1 << 20
_ONE_MESSAGE = (
    "What was said is asked again as one message: roles, pictures, tools and settings were not kept."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a call is to be run again."""

    call_id: str
    model: str = ""
    dry: bool = False
    candidate: Sequence[Manifest] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of it, beside what came of the call then."""

    trace: str
    replay: str
    """The trace of the replay; nothing for a dry one."""
    dry: bool
    revision: int
    candidate: tuple[str, ...]
    refused: str
    """Why it is refused now, or would be; nothing when it is not."""
    next_step: str
    differs: bool
    fields: tuple[Field, ...]
    output_diff: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Ready:
    before: Outcome
    past: Past
    after: Outcome
    notes: tuple[str, ...]
    revision: int
    candidate: Candidate | None


def run(call: Call, asked: Asked) -> Replay:
    """Run a call again, or say what would become of it; no transaction is open while a model answers."""
    with call.parts.database.write() as tx:
        ready = _ready(tx, call, asked)
    if asked.dry:
        return _result(asked, ready, ready.after, replay="", notes=ready.notes)
    name = f"tr_{int(call.now.timestamp() * 1000):012x}{os.urandom(10).hex()}"
    told = _told(call, asked, ready, name)
    after = comparison.outcome_of(told.record, response=told.response)
    return _result(asked, ready, after, replay=name, notes=(_ONE_MESSAGE,))


def _ready(tx: Tx, call: Call, asked: Asked) -> _Ready:
    name = clean(asked.call_id)
    found = usage.trace(tx, name, use_cases=seen_by(tx, call, "trace.replay"))
    readable = seen_by(tx, call, "content.read")
    if readable is not None and found.use_case not in readable:
        raise ForbiddenError(
            f"{call.who.principal} may not run call `{found.id}` again.",
            why="A replay shows what was said, and that needs the permission `content.read` there.",
            fix="Ask a holder of the role admin for a binding that carries it, or for the replay's figures.",
        )
    replay_queries.require_kept(found)
    candidate = _candidate(tx, call, asked.candidate)
    said = usage_operations.read_said(tx, name, actor=actor_of(call), now=call.now)
    replay_queries.require_whole(said)
    audit.record(
        tx,
        actor=actor_of(call),
        action="usage.call-replayed",
        subject=f"trace/{found.id}",
        at=call.now,
        content={
            "dry": asked.dry,
            "model": asked.model,
            "candidate": list(candidate.refs) if candidate is not None else [],
        },
    )
    index = replay_queries.laid_over(index_of(tx, call), candidate)
    past = Past(
        found.principal,
        found.key_id,
        found.use_case,
        clean(asked.model) or found.requested_model,
        said.prompt,
    )
    after, notes = rehearsal.rehearse(
        index,
        past,
        id_=found.id,
        now=call.now.timestamp(),
        latency_ms=replay_queries.latency_ms(tx, now=call.now),
    )
    before = replay_queries.outcome_then(found, said)
    return _Ready(before, past, after, notes, index.revision, candidate)


def _candidate(tx: Tx, call: Call, manifests: Sequence[Manifest]) -> Candidate | None:
    """Take a candidate from who could apply it: it passes every check that applying it would."""
    if not manifests:
        return None
    if not call.who.may("registry.declare"):
        raise ForbiddenError(
            f"{call.who.principal} may not try out a candidate configuration.",
            why="It needs the permission `registry.declare`: what is tried out is what could be applied.",
            fix="Replay under what is in force, or ask a platform engineer.",
        )
    assembly = assembly_of(call)
    resources = [one.resource for one in operations.read_documents(assembly, manifests)]
    candidate = replay_queries.candidate_of(resources, now=call.now)
    operations.plan(
        tx, assembly, manifests=manifests, managed_by="console", adopt=True,
        actor=actor_of(call), now=call.now,
    )  # fmt: skip
    return candidate


def _told(call: Call, asked: Asked, ready: _Ready, name: str) -> Told:
    """Have a gateway run it: its budgets, filters and records hold for a replay as for any call."""
    assert_no_transaction()
    past = ready.past
    sealed = ticket.seal(
        Ticket(
            id=name,
            replay_of=asked.call_id,
            expires_at=call.parts.clock().timestamp() + LASTS_S,
            principal=past.principal,
            key_id=past.key_id,
            use_case=past.use_case,
            body=rerun.body_of(past.prompt, model=past.model),
            candidate=ready.candidate.part if ready.candidate is not None else None,
        ),
        secret=call.parts.sockets[PEPPER_SOCKET],
    )
    url = str(call.parts.sockets[GATEWAY_SOCKET]).rstrip("/") + ticket.PATH.decode()
    try:
        return ticket.hear(_posted(url, sealed))
    except urllib.error.HTTPError as error:
        with error:
            said = error.read(4096).decode("utf-8", "replace")
        why = f"The gateway answered {error.code}: {said[:300]}"
    except (OSError, msgspec.DecodeError) as error:
        why = f"{type(error).__name__}: {error}"
    raise UnavailableError(
        f"Call `{asked.call_id}` was not run again: no gateway took it.",
        why=why,
        fix="Start the gateway, or set ROADWORTHY_GATEWAY_URL at the control plane to its address; a dry "
        "replay needs none.",
    )


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _posted(url: str, body: bytes) -> bytes:
    headers = {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310  as set
    with _OPENER.open(request, timeout=TIMEOUT_S) as response:
        read: bytes = response.read(ANSWER_BYTES_MAX)
        return read


def _result(asked: Asked, ready: _Ready, after: Outcome, *, replay: str, notes: Sequence[str]) -> Replay:
    fields = comparison.compare(ready.before, after, dry=asked.dry)
    diff = "" if asked.dry else comparison.diff(ready.before.response or "", after.response or "")
    return Replay(
        trace=asked.call_id,
        replay=replay,
        dry=asked.dry,
        revision=ready.revision,
        candidate=ready.candidate.refs if ready.candidate is not None else (),
        refused=after.refusal if after.decision == "refused" else "",
        next_step=after.next_step if after.decision == "refused" else "",
        differs=comparison.differs(fields),
        fields=fields,
        output_diff=diff,
        notes=tuple(notes),
    )


def shown(one: Replay) -> dict[str, Any]:
    """Return it as the API says it."""
    said: dict[str, Any] = msgspec.to_builtins(one)
    return said
