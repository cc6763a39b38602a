"""The filters of one grant, compiled once: reads texts in a few microseconds, and masks what it must."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from roadworthy.gateway.access import Admitted
from roadworthy.gateway.filter_rules import STRICTNESS, PolicyBook, Rule, rules_for
from roadworthy.gateway.filters.declared import DeclaredReader, declared, holder_of
from roadworthy.gateway.filters.finding import Found
from roadworthy.gateway.filters.inspection import Inspection, Side
from roadworthy.gateway.filters.reading import (
    BUILT_IN,
    Holder,
    Reader,
    Span,
    built_in_reader,
    holder,
    plain,
    signs,
    visible,
)
from roadworthy.gateway.filters.recogniser import Recogniser
from roadworthy.gateway.filters.slow import SlowCheck, slow_checks
from roadworthy.gateway.filters.stand_ins import StandIns
from roadworthy.gateway.filters.stream import StreamGuard
from roadworthy.gateway.snapshot import Index, Snapshot
from roadworthy.gateway.stopping import stopped_filters
from roadworthy.usage.record import FindingRecord

COMPILED_MAX = 4096
ONE_AT_A_TIME = threading.Lock()
"""A compiled guard is used by one thread: held wherever many may read, never on a call's way."""


class Part(msgspec.Struct, frozen=True):
    """A reader, and which rule each of its recognisers works for; None where none does."""

    reader: Reader | DeclaredReader
    rules: tuple[Rule | None, ...]
    input: tuple[Rule | None, ...]
    output: tuple[Rule | None, ...]


class Hold(msgspec.Struct, frozen=True):
    """Says which end of a stream's text may become something that must not go out."""

    built_in: Holder | None
    declared: Any

    def start(self, text: str) -> int | None:
        """Return where that end begins; None when all of it may go out."""
        start = self.built_in.start(signs(text)) if self.built_in is not None else None
        if self.declared is not None:
            own = self.declared.search(visible(plain(text))[0])
            if own is not None and own.start() < len(text):
                # Characters that nobody sees make the text shorter, and what is held back longer.
                start = own.start() if start is None else min(start, own.start())
        return start


class Compiled(msgspec.Struct, frozen=True):
    """What is the same for all grants under the same policies."""

    parts: tuple[Part, ...]
    slow: tuple[SlowCheck, ...]
    faults: tuple[str, ...]
    reads_input: bool
    reads_output: bool
    hold: Hold
    alone: Reader | None = None
    """What reads all there is to read, if it is only one thing and it can read many texts as one."""


class Guard:
    """The filters of one grant. Shared by all its calls; used by one thread."""

    __slots__ = ("_approved", "_compiled", "_scope", "reads_output", "slow")

    def __init__(self, compiled: Compiled, *, approved: Mapping[str, float], scope: str) -> None:
        self._compiled = compiled
        self._approved = approved
        self._scope = scope
        self.slow = compiled.slow
        self.reads_output = compiled.reads_output

    def finds_nothing(self, literal: bytes) -> bool:
        """Is it certain that nothing is found in texts that stand in these bytes? Else ask `inspect`."""
        reader = self._compiled.alone
        return reader is not None and reader.is_quiet(literal)

    def inspect(self, texts: Sequence[str], *, side: Side) -> Inspection | None:
        """Read texts; None when nothing was found."""
        compiled = self._compiled
        found: list[tuple[int, list[Found]]] | None = None
        failed: dict[str, Rule] | None = None
        for at, text in enumerate(texts):
            for part in compiled.parts:
                wanted = part.input if side == "input" else part.output
                try:
                    spans = part.reader.spans(text, wanted)
                except Exception:  # noqa: BLE001  a filter that errs is answered by its policy, never by a crash
                    failed = {**(failed or {}), **{one.filter: one for one in wanted if one is not None}}
                    continue
                if spans is not None:
                    found = found if found is not None else []
                    found.append((at, [_found(part, span, wanted, side) for span in spans]))
        if found is None and failed is None and not compiled.faults:
            return None
        return self._inspection(texts, found or [], failed or {}, side)

    def stream(self) -> StreamGuard:
        """Return what reads one stream's texts."""
        return StreamGuard(self, self._compiled.hold)

    def found_in(self, text: str) -> tuple[list[Found], dict[str, Rule] | None]:
        """Return what is found in an answer's text, in order, and the filters that erred; for streams."""
        out: list[Found] = []
        failed: dict[str, Rule] | None = None
        for part in self._compiled.parts:
            try:
                spans = part.reader.spans(text, part.output)
            except Exception:  # noqa: BLE001  a filter that errs is answered by its policy, never by a crash
                failed = {**(failed or {}), **{one.filter: one for one in part.output if one is not None}}
                continue
            if spans is not None:
                out += [_found(part, span, part.output, "output") for span in spans]
        if len(out) > 1:
            out.sort(key=lambda one: one.span.start)
        return out, failed

    def readers_of_answers(self) -> dict[str, Rule]:
        """Return the filters that read answers, by name."""
        return {one.filter: one for part in self._compiled.parts for one in part.output if one is not None}

    # ------------------------------------------------------------------ what was found

    def _inspection(
        self,
        texts: Sequence[str],
        found: list[tuple[int, list[Found]]],
        failed: Mapping[str, Rule],
        side: Side,
    ) -> Inspection:
        everything = [one for _, some in found for one in some]
        denying = tuple(sorted(name for name, rule in failed.items() if rule.on_error == "deny"))
        passed = [f"filter_error_allowed:{name}" for name, rule in failed.items() if rule.on_error == "allow"]
        faults = (*self._compiled.faults, *sorted(passed))
        if denying:
            return Inspection("block", records_of(everything, side), faults=faults, failed=denying)
        action = max((one.action for one in everything), key=STRICTNESS.__getitem__, default="allow")
        content_hash = ""
        if action == "hold":
            content_hash, approved = self.approval(texts)
            if approved:
                everything = [_let(one) if one.action == "hold" else one for one in everything]
                found = [
                    (at, [_let(one) if one.action == "hold" else one for one in some]) for at, some in found
                ]
                action = max((one.action for one in everything), key=STRICTNESS.__getitem__)
        by = tuple(
            dict.fromkeys(
                (one.rule.filter, one.recogniser.title) for one in everything if one.action == action
            )
        )
        if action in {"block", "hold"}:
            strict: Literal["block", "hold"] = "block" if action == "block" else "hold"
            return Inspection(
                strict, records_of(everything, side), faults=faults, by=by, content_hash=content_hash
            )
        if action == "allow":
            return Inspection("allow", records_of(everything, side), faults=faults, by=by)
        stand_ins = StandIns()
        masked = list(texts)
        for at in dict.fromkeys(at for at, _ in found):
            masked[at] = stand_ins.mask(
                texts[at], [one for where, some in found if where == at for one in some]
            )
        return Inspection("mask", records_of(everything, side), masked, stand_ins.restore, faults, by)

    def approval(self, texts: Sequence[str]) -> tuple[str, bool]:
        """Return what an approval is bound to (this use case saying exactly this), and if there is one."""
        digest = hashlib.blake2b(self._scope.encode(), digest_size=20)
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big"))
            digest.update(data)
        content_hash = digest.hexdigest()
        return content_hash, content_hash in self._approved


def _found(part: Part, span: Span, wanted: Sequence[Rule | None], side: Side) -> Found:
    rule = wanted[span.number]
    assert rule is not None
    action = rule.input if side == "input" else rule.output
    return Found(span, part.reader.recognisers[span.number], rule, action)


def _let(one: Found) -> Found:
    return Found(one.span, one.recogniser, one.rule, "allow")


def records_of(found: Sequence[Found], side: Side) -> tuple[FindingRecord, ...]:
    """Count what was found by filter and sort; never the text itself."""
    counts: dict[tuple[str, str, str], int] = {}
    for one in found:
        key = (one.rule.filter, one.recogniser.name, one.action)
        counts[key] = counts.get(key, 0) + 1
    return tuple(
        FindingRecord(name, kind, side, action, count) for (name, kind, action), count in counts.items()
    )


# ------------------------------------------------------------------------ compiling

_COMPILED: dict[tuple[tuple[Rule, ...], tuple[str, ...]], Compiled] = {}


def guard_for(index: Index, admitted: Admitted, now: float) -> Guard | None:
    """Return the filters of a grant; None when none reads its calls."""
    snapshot, grant = index.snapshot, admitted.grant
    compiled = compiled_for(snapshot, grant, stopped_filters(index, now=now))
    if compiled is None:
        return None
    return Guard(compiled, approved=snapshot.approved_content, scope=grant.use_case)


_book = PolicyBook({})


def compiled_for(snapshot: Snapshot, grant: Any, stopped: frozenset[str] = frozenset()) -> Compiled | None:
    """Return what reads a grant's calls, compiled once for all grants under the same policies."""
    global _book  # noqa: PLW0603  changes to keys and grants share the policies: they are arranged once
    book = _book
    if book.policies is not snapshot.filter_policies:
        book = _book = PolicyBook(snapshot.filter_policies)
    rules, faults = rules_for(grant, snapshot.filters, book.about(grant), stopped)
    if not rules and not faults:
        return None
    known = _COMPILED.get((rules, faults))
    if known is None:
        if len(_COMPILED) >= COMPILED_MAX:
            _COMPILED.clear()
        known = _COMPILED[rules, faults] = compiled_of(rules, faults)
    return known


def prepare(snapshot: Snapshot) -> None:
    """Compile the filters of every grant, so that no call waits for it; asked off the event loop."""
    seen: set[tuple[str, str, str]] = set()
    by_use_case = any(one.use_cases for one in snapshot.filter_policies.values())
    for grant in snapshot.grants:
        place = (grant.namespace, grant.tier, grant.use_case if by_use_case else "")
        if place not in seen:
            seen.add(place)
            compiled_for(snapshot, grant)


def compiled_of(rules: Sequence[Rule], faults: tuple[str, ...] = ()) -> Compiled:
    """Compile rules."""
    parts = [part for part in (_built_in_part(rules), *(_custom_part(one) for one in rules)) if part]
    only = parts[0].reader if len(parts) == 1 and not faults else None
    return Compiled(
        tuple(parts),
        slow_checks(rules),
        faults,
        any(rule.input for rule in rules),
        any(rule is not None for part in parts for rule in part.output),
        Hold(holder(_strict_ones(parts, Reader)), holder_of(_strict_ones(parts, DeclaredReader))),
        only if isinstance(only, Reader) else None,
    )


def _strict_ones(parts: Sequence[Part], reader: type) -> list[Recogniser]:
    """Return what must not go out as it is, of the parts with one sort of reader."""
    return [
        part.reader.recognisers[number]
        for part in parts
        if isinstance(part.reader, reader)
        for number, rule in enumerate(part.output)
        if rule is not None and rule.output != "allow"
    ]


def _built_in_part(rules: Sequence[Rule]) -> Part | None:
    chosen: list[Rule | None] = [None] * len(BUILT_IN)
    for rule in rules:
        for number, one in enumerate(BUILT_IN):
            if one.family in rule.entry.recognisers or one.name in rule.entry.recognisers:
                held = chosen[number]
                if held is None or _strict(rule) > _strict(held):
                    chosen[number] = rule
    return _part(built_in_reader(), chosen) if any(chosen) else None


def _strict(rule: Rule) -> int:
    return max(STRICTNESS[rule.input], STRICTNESS[rule.output])


def _part(reader: Reader | DeclaredReader, rules: Sequence[Rule | None]) -> Part:
    return Part(
        reader,
        tuple(rules),
        tuple(one if one is not None and one.input else None for one in rules),
        tuple(one if one is not None and one.output else None for one in rules),
    )


def _custom_part(rule: Rule) -> Part | None:
    recognisers = declared(rule.entry)
    return _part(DeclaredReader(recognisers), [rule] * len(recognisers)) if recognisers else None
