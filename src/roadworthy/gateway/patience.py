"""Asks a source that may be away, or may never answer: at most so long, and again as soon as it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from roadworthy.gateway.delta import Delta
from roadworthy.gateway.refresh import Load
from roadworthy.gateway.snapshot import Snapshot

ANSWER_S = 5.0
"""How long an answer to "what is new?" may take; one that took longer may take twice as long next time."""
ANSWER_MAX_S = 120.0
ABANDONED_MAX = 4


class PatientSource:
    """A source whose first question may have to wait until the source is there at all.

    A connection over which nothing comes back any more looks like a slow answer. So each question but the
    first, which may take minutes, is asked in a thread of its own that is left behind when it takes too long.
    """

    def __init__(
        self,
        load: Load,
        *,
        prepare: Callable[[], None],
        fatal: tuple[type[Exception], ...] = (),
        give_up: Callable[[], None] = lambda: None,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._load = load
        self._prepare = prepare
        self._fatal = fatal
        self._give_up = give_up
        self._answer_s = answer_s
        self._limit_s = answer_s
        self._prepared = False
        self._abandoned: list[threading.Thread] = []
        self.refused: Exception | None = None

    def __call__(self, known_revision: int) -> Snapshot | Delta | None:
        """Ask, and raise what the source raised, or `TimeoutError`."""
        if not self._prepared:
            try:
                self._prepare()
            except self._fatal as error:
                self.refused = error
                raise
            self._prepared = True
        if known_revision < 0:
            return self._load(known_revision)
        self._abandoned = [one for one in self._abandoned if one.is_alive()]
        if len(self._abandoned) >= ABANDONED_MAX:
            raise TimeoutError(f"{ABANDONED_MAX} questions are still without an answer")
        return self._ask(known_revision)

    def _ask(self, known_revision: int) -> Snapshot | Delta | None:
        found: list[Snapshot | Delta | None] = []
        failed: list[Exception] = []

        def ask() -> None:
            try:
                found.append(self._load(known_revision))
            except Exception as error:  # noqa: BLE001  raised where it was asked
                failed.append(error)

        thread = threading.Thread(target=ask, name="snapshot-question", daemon=True)
        started_s = time.monotonic()
        thread.start()
        thread.join(self._limit_s)
        if thread.is_alive():
            self._abandoned.append(thread)
            self._give_up()
            self._limit_s = min(self._limit_s * 2, ANSWER_MAX_S)
            raise TimeoutError(f"no answer within {time.monotonic() - started_s:.0f} s")
        if failed:
            raise failed[0]
        self._limit_s = self._answer_s
        return found[0]
