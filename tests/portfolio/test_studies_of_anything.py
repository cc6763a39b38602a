"""Whatever a table holds, a study ends in a verdict, a refusal with its reason, or a named error."""

from __future__ import annotations

import json
import math
import random

import pytest

from roadworthy.foundation.errors import RoadworthyError
from roadworthy.portfolio.studies import design, documents, study, table

DESIGNS = {
    "randomized": (
        "treatment: by_lot\n",
        ["", "unit: u\n", "covariates: [x]\n", "covariates: [x]\ninteracted: true\n", "looks: many\n",
         "baseline: x\n", "categories: [c]\n", "weight: w\n", "errors: HC3\n", "cluster: u\nlooks: many\n",
         "expected_share: 0.5\n", "guards: [{outcome: x, direction: lower, margin: 1}]\n", "also: [x]\n"],
    ),
    "difference_in_differences": (
        "unit: u\ntime: t\nstart: s\n",
        ["", "covariates: [x]\n", "anticipation: 1\n", "aggregate: event\n",
         "estimator: two_way\nweight: w\n",
         "controls: never_treated\naggregate: calendar\n", "estimator: group_time\ncovariates: [x]\n",
         "cluster: c\n", "estimator: two_way\nerrors: HC2\n", "estimator: two_way\ncategories: [c]\n"],
    ),
    "stepped_wedge": ("unit: u\ntime: t\nstart: s\npermutations: 199\n", [""]),
    "interrupted_series": ("time: t\nstart: 6\n", ["", "target: 2\n"]),
    "before_after": ("time: t\nstart: 6\n", ["", "unit: u\n"]),
}  # fmt: skip


def _table(source: random.Random) -> str:
    units, periods = source.choice([1, 2, 4, 9, 24]), source.choice([1, 2, 6, 13])
    starts = [source.choice(["", 0, 1, 3, 5, 6, 99, -1]) for _ in range(units)]
    scale, kept = source.choice([0.0, 1.0, 1.0, 1e6]), source.choice([1.0, 1.0, 0.8, 0.2])
    lines = ["u,t,s,by_lot,x,y,w,c"]
    for unit in range(units):
        for time in range(periods):
            if source.random() > kept:
                continue
            y = round(source.gauss(0, 1) * scale + source.choice([0, 0, 3]), 3)
            x = source.choice([1, 0, round(source.gauss(0, 1), 3)])
            arm = source.randrange(2)
            lines.append(
                f"u{unit},{time},{starts[unit]},{arm},{x},{y},{source.choice([1, 2, 0.5])},{unit % 5}"
            )
    return "\n".join(lines)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_study_ends_in_words(name: str) -> None:
    """No crash, no figure that is not finite, no interval without its estimate inside, no empty reason."""
    source = random.Random(name)
    fixed, extras = DESIGNS[name]
    verdicts, named, errors = set(), 0, 0
    for _ in range(60):
        text = f"design: {name}\noutcome: y\ndirection: lower\n{fixed}{source.choice(extras)}"
        rows = _table(source)
        try:
            done = study.run(design.read(text, file="d"), table.read(rows.encode(), file="t"))
        except RoadworthyError as error:
            named += bool(error.issues)
            errors += 1
            continue
        found = documents.document(done)
        json.dumps(found, allow_nan=False)
        assert list(documents.lines(done))
        verdicts.add(found["verdict"])
        if found["verdict"] == "refused":
            assert found["refusal"]["reason"]
            assert found["refusal"]["needs"]
        else:
            effect = found["effect"]
            slack = 1e-9 * (1 + abs(effect["estimate"]))
            assert effect["low"] - slack <= effect["estimate"] <= effect["high"] + slack
            assert 0.0 <= effect["p_value"] <= 1.0
            assert math.isfinite(effect["standard_error"])
            # The verdict, the interval and the p-value tell one story.
            if abs(effect["p_value"] - 0.05) > 1e-6:
                assert (found["verdict"] == "no evidence yet") == (effect["p_value"] > 0.05)
    assert named == errors
    assert {"refused", "no evidence yet"} <= verdicts
