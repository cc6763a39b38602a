"""Pure: a back-test in sentences, for a plan."""

from __future__ import annotations

from collections.abc import Iterator

from roadworthy.gateway.backtest import Tested
from roadworthy.gateway.filters.backtest import Texts
from roadworthy.gateway.past import Group

SHOWN = 5


def sentences(tested: Tested, *, days: int, shown: int = SHOWN) -> Iterator[tuple[str, str]]:
    """Say what would have become of the calls: what each sentence is about (a declaration), and it."""
    of = f"of {tested.calls:,} call{'s' if tested.calls != 1 else ''} of the last {days} days"
    for one in tested.groups[:shown]:
        yield one.by.partition(":")[0], _said(one, of)
    if len(tested.groups) > shown:
        yield "", f"And {len(tested.groups) - shown} more groups: `roadworthy backtest -f FILE` shows all."
    if tested.texts is not None:
        yield "", _read(tested.texts, of)
    for note in tested.notes if tested.groups else ():
        yield "", note


def _said(one: Group, of: str) -> str:
    whose = f"of use-case/{one.use_case}"
    if one.what == "refused":
        by = f", by {one.by}" + (f" (`{one.statement}`)" if one.statement else "")
        return f"Would have refused {one.calls:,} {of}, {whose}{by}."
    if one.what == "allowed":
        return f"Would have allowed {one.calls:,} {of} that are refused today ({one.by}), {whose}."
    if one.what == "moved":
        return f"Would have moved {one.calls:,} {of} from {one.by}, {whose}."
    if one.what in {"masked", "unmasked"}:
        verb = "Would have masked" if one.what == "masked" else "Would no longer have masked"
        return f"{verb} {one.statement} in {one.calls:,} {of}, {whose}, by {one.by}."
    return f"Cannot say of {one.calls:,} {of}, {whose}: their records do not hold what it asks."


def _read(texts: Texts, of: str) -> str:
    found = f"Filters read {texts.read:,} {of} once more"
    if texts.us_per_kb_then is not None:
        found += f", at {texts.us_per_kb_then:,} µs for a kilobyte ({texts.us_per_kb_now or 0:,} µs today)"
    if texts.by_record:
        found += f"; of {texts.by_record:,} their records say enough"
    missing = sum(texts.missing.values())
    if missing:
        why = ", ".join(f"{count:,} {reason}" for reason, count in texts.missing.items())
        found += f"; {missing:,} could not be read: {why}"
    models = " No guard model was asked." if texts.asks_models else ""
    return f"{found}.{models}"
