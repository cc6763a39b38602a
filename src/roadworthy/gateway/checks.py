"""Runs the filters that take longer than a turn of the event loop: the classifier, and guard models.

All of a call's run at once and each has its time. A guard model is asked in a call of its own, for the same
use case and under its grant: it is priced, limited and recorded like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

import msgspec

from roadworthy.gateway.access import Refused
from roadworthy.gateway.admission import Admissions
from roadworthy.gateway.delivery import Delivery
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.exchange import Exchange, new_trace_id
from roadworthy.gateway.filters.inspection import Inspection
from roadworthy.gateway.filters.slow import SlowCheck, flagged, question
from roadworthy.gateway.gate import Gate
from roadworthy.gateway.inner import Collector
from roadworthy.gateway.policies import Guard
from roadworthy.gateway.ports import Checked, Ports
from roadworthy.usage.record import FindingRecord

ANSWER_TOKENS = 16
THREADS = 2
_CHAT = CALLERS[b"/v1/chat/completions"]

Classify = Callable[[Sequence[str]], float]


class _Answer(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Answer


class _Whole(msgspec.Struct):
    choices: list[_Choice]


class Run:
    """The checks of one call under way; `then` is called once, never after a cancel."""

    def __init__(
        self,
        checks: Sequence[SlowCheck],
        trace_id: str,
        then: Callable[[Checked], None],
        approval: Callable[[], tuple[str, bool]],
    ) -> None:
        self._approval = approval
        self._waiting = {id(check): check for check in checks}
        self._trace_id = trace_id
        self._then: Callable[[Checked], None] | None = then
        self._records: list[FindingRecord] = []
        self._faults: list[str] = []
        self.timers: list[asyncio.TimerHandle] = []

    def cancel(self) -> None:
        """The caller has left."""
        self._then = None
        self._end()

    def judged(self, check: SlowCheck, *, found: bool) -> None:
        """One check has come to its judgement."""
        if self._waiting.pop(id(check), None) is None or self._then is None:
            return
        if found:
            action, content_hash = check.action, ""
            if action == "hold":
                content_hash, approved = self._approval()
                action = "allow" if approved else action
            record = FindingRecord(check.filter, "classified", "input", action)
            self._records.append(record)
            if action != "allow":
                # Nobody says where in the text it stands, so what cannot be masked does not go on.
                strict: Literal["block", "hold"] = "hold" if action == "hold" else "block"
                by = ((check.filter, "what it looks for"),)
                inspection = Inspection(strict, (record,), by=by, content_hash=content_hash)
                self._finish(inspection.refused("input", self._trace_id))
                return
        if not self._waiting:
            self._finish(None)

    def failed(self, check: SlowCheck) -> None:
        """One check could not be made, or not in time."""
        if self._waiting.pop(id(check), None) is None or self._then is None:
            return
        if check.on_error == "deny":
            inspection = Inspection("block", failed=(check.filter,))
            self._finish(inspection.refused("input", self._trace_id))
            return
        self._faults.append(f"filter_error_allowed:{check.filter}")
        if not self._waiting:
            self._finish(None)

    def _finish(self, refused: Refused | None) -> None:
        then, self._then = self._then, None
        self._end()
        if then is not None:
            then(Checked(refused, tuple(self._records), tuple(self._faults)))

    def _end(self) -> None:
        self._waiting.clear()
        for timer in self.timers:
            timer.cancel()


class SlowChecks:
    """Starts them; the classifier runs in threads, guard models are asked like any model."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        admissions: Admissions,
        monotonic: Callable[[], float],
        classify: Classify,
    ) -> None:
        self._loop = loop
        self._admissions = admissions
        self._monotonic = monotonic
        self._classify = classify
        self._threads: ThreadPoolExecutor | None = None
        self.ports: Ports | None = None

    def run(
        self, guard: Guard, texts: Sequence[str], exchange: Exchange, then: Callable[[Checked], None]
    ) -> Run:
        """Start them; `then` is called on the loop, later, and never after a cancel."""
        checks = [check for check in guard.slow if isinstance(check, SlowCheck)]
        run = Run(checks, exchange.trace_id, then, partial(guard.approval, texts))
        for check in checks:
            run.timers.append(self._loop.call_later(check.timeout_s, run.failed, check))
            # Later, so that nothing is decided before the caller of this knows that it waits.
            begin = self._ask_model if check.model is not None else self._ask_classifier
            self._loop.call_soon(begin, run, check, texts, exchange)
        return run

    def _ask_classifier(self, run: Run, check: SlowCheck, texts: Sequence[str], _exchange: Exchange) -> None:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="classifier")

        def work() -> None:
            try:
                score = self._classify(texts)
            except Exception:  # noqa: BLE001  a check that errs is answered by its policy
                self._loop.call_soon_threadsafe(run.failed, check)
                return
            found = check.threshold is not None and score >= check.threshold
            self._loop.call_soon_threadsafe(lambda: run.judged(check, found=found))

        self._threads.submit(work)

    def _ask_model(self, run: Run, check: SlowCheck, texts: Sequence[str], exchange: Exchange) -> None:
        assert check.model is not None
        assert self.ports is not None
        assert exchange.index is not None
        assert exchange.caller is not None
        admission = self._admissions.decide(
            exchange.index, exchange.caller, use_case_header=None, model=check.model.model, now=exchange.at
        )
        if isinstance(admission, Refused):
            run.failed(check)
            return
        asked = {
            "model": check.model.model,
            "messages": question(check, texts),
            "max_tokens": ANSWER_TOKENS,
            "temperature": 0,
        }
        body = msgspec.json.encode(asked)
        inner = Exchange(
            _CHAT, exchange.at, self._monotonic(), "", body, new_trace_id(exchange.at),
            index=exchange.index, caller=exchange.caller, request=_CHAT.read(body),
            admission=msgspec.structs.replace(admission, guard=None, oversight=None),
            client_request_id=f"filter/{check.filter} of {exchange.trace_id}",
            replay_of=exchange.replay_of,
        )  # fmt: skip

        def answered(status: int, answer: bytes) -> None:
            said = _text(answer) if status == 200 else None
            if said is None:
                run.failed(check)
            else:
                run.judged(check, found=flagged(check, said))

        Delivery(self.ports, inner, Collector(answered), Gate(self.ports, inner, False)).begin()

    def stop(self) -> None:
        """Let the threads go."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def _text(answer: bytes) -> str | None:
    try:
        return msgspec.json.decode(answer, type=_Whole).choices[0].message.content
    except (msgspec.DecodeError, ValueError, IndexError):
        return None
