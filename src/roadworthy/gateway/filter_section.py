"""What was measured of a filter on texts kept out of tuning, as its page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from roadworthy.foundation.web.parts import Cell, Code, Column, Empty, Table
from roadworthy.gateway.filters.measured import Measured
from roadworthy.gateway.filters.reading import BUILT_IN


def table(one: Mapping[str, Any], report: Measured) -> Table:
    """Return what was measured of one filter: by set of texts, or by recogniser."""
    return _by_set(one, report) or _by_recogniser(one["recognisers"], report)


def share(value: float | None) -> str | None:
    """Return a share as people read it."""
    return None if value is None else f"{value * 100:.1f} %"


def alarms(one: Mapping[str, Any]) -> str | None:
    """Return in how many harmless texts a filter found something."""
    return None if one["negatives"] is None else f"{one['false_positives']:,} in {one['negatives']:,}"


def _by_set(one: Mapping[str, Any], report: Measured) -> Table | None:
    """Return what was flagged of each set of injections and of harmless texts; None for other filters."""
    names = set(one["recognisers"])
    phrases = bool(names) and all(
        recogniser.family == "injection" for recogniser in BUILT_IN if recogniser.name in names
    )
    found = report.phrases if phrases else report.classifier if one["classifier"] is not None else ()
    if not found:
        return None
    columns = (
        Column(key="set", title="Set"),
        Column(key="of", title="Texts"),
        Column(key="from", title="Flagged from", numeric=True),
        Column(key="texts", title="Of", numeric=True),
        Column(key="flagged", title="Flagged", numeric=True),
        Column(key="share", title="Share", numeric=True),
    )
    rows: list[dict[str, Cell]] = [
        {
            "set": each.set,
            "of": "injections" if each.injections else "harmless",
            "from": each.threshold or None,
            "texts": each.texts,
            "flagged": each.flagged,
            "share": share(each.flagged / each.texts),
        }
        for each in found
    ]
    return Table(caption="Measured", columns=columns, rows=rows)


def _by_recogniser(names: Sequence[str], report: Measured) -> Table:
    columns = (
        Column(key="name", title="Recogniser"),
        Column(key="recall", title="Recall", numeric=True),
        Column(key="of", title="Of", numeric=True),
        Column(key="wrong", title="False alarms", numeric=True),
        Column(key="texts", title="In texts", numeric=True),
    )
    rows: list[dict[str, Cell]] = [
        {
            "name": Code(name),
            "recall": share(figure.found / figure.positives) if figure.positives else None,
            "of": figure.positives,
            "wrong": figure.false_positives,
            "texts": figure.negatives,
        }
        for name in names
        if (figure := report.recognisers.get(name)) is not None
    ]
    return Table(
        caption="Measured",
        columns=columns,
        rows=rows,
        empty=Empty(sentence="Nothing of it was measured yet."),
    )


def note(report: Measured) -> str:
    """Say how it was measured."""
    sets = ", ".join(f"{each.name} ({each.texts:,})" for each in report.sets if not each.injections)
    sources = ", ".join(f"{name} {version}" for name, version in report.sources.items())
    return (
        f"Measured with {report.engine} on {report.texts:,} texts that no recogniser was made from: values "
        f"of {sources}; harmless texts of {sets}. Alarms are counted in texts. All recognisers together take "
        f"{report.us_per_kb_clean:.1f} µs for a clean kilobyte and {report.us_per_kb_dirty:.1f} µs for one "
        f"full of findings; the classifier takes {report.us_per_kb_classifier:.0f} µs."
    )
