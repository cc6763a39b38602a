"""Where callers ask what became of their drafts: a thread looks into the database, no call waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial

import msgspec

from roadworthy.drafts import queries as drafts
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Database
from roadworthy.gateway.access import Caller, Refused
from roadworthy.gateway.ports import Then

THREADS = 2
WAITING_MAX = 256
Look = Callable[[str, str, str], "Held | None"]
"""Draft, principal, use case: what is known of it, None if there is none of theirs."""


class Held(msgspec.Struct, frozen=True):
    """A draft as its caller may see it: the answer only once a person has released it."""

    id: str
    call: str
    use_case: str
    form: str
    state: str
    made_at: datetime
    lapses_at: datetime
    decided_at: datetime | None
    edited: bool
    reason: str
    answer: msgspec.Raw | None
    """The released answer, as the call would have been answered; null where only its caller has it."""
    object: str = "draft"


def look(
    database: Database, now: Callable[[], datetime], draft_id: str, principal: str, use_case: str
) -> Held | None:
    """Return a draft of this principal in this use case."""
    with database.read() as tx:
        try:
            found = drafts.get(tx, draft_id)
        except NotFoundError:
            return None
        if found.principal != principal or found.use_case != use_case or found.form == "sample":
            return None
        said, answer = drafts.decision(tx, found), drafts.released_text(tx, found)
    return Held(
        id=found.id,
        call=found.call,
        use_case=found.use_case,
        form=found.form,
        state=found.state(now()),
        made_at=found.made_at,
        lapses_at=found.expires_at,
        decided_at=found.decided_at,
        edited=found.verdict == "edited",
        reason=said.fact.reason if said is not None else "",
        answer=msgspec.Raw(answer.encode()) if answer is not None else None,
    )


class Desk:
    """Looks drafts up in threads of its own, and says on the loop what was found."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._threads: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say what is found on this loop."""
        self._loop = loop
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="drafts")

    def ask(self, draft_id: str, caller: Caller, then: Then) -> None:
        """Look for a caller's draft; `then` is called on the loop, later."""
        loop, threads = self._loop, self._threads
        if loop is None or threads is None or self._waiting >= WAITING_MAX:
            then(_away("too many callers ask at once"))
            return
        self._waiting += 1
        found = threads.submit(self._look, draft_id, caller.key.principal, caller.key.use_case)
        found.add_done_callback(
            lambda done: loop.call_soon_threadsafe(partial(self._found, done, draft_id, then))
        )

    def _found(self, done: Future[Held | None], draft_id: str, then: Then) -> None:
        self._waiting -= 1
        try:
            held = done.result()
        except Exception as error:  # noqa: BLE001  a database that is away is answered, never awaited
            then(_away(type(error).__name__))
            return
        then(_unknown(draft_id) if held is None else msgspec.json.encode(held))

    def stop(self) -> None:
        """Let the threads go."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def _away(why: str) -> Refused:
    return Refused(
        503, "drafts_unavailable", f"Drafts cannot be looked up at the moment: {why}.",
        next_step="Ask again in a moment.",
    )  # fmt: skip


def _unknown(draft_id: str) -> Refused:
    return Refused(
        404, "draft_unknown", f"There is no draft {draft_id[:80]!r} of this key's principal and use case.",
        next_step="Take the id from x-roadworthy-draft; it is known here seconds after its call.",
    )  # fmt: skip
