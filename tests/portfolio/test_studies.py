"""A design and a table in, an effect with grade and verdict out; what the data cannot bear is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roadworthy.foundation.errors import InvalidError
from roadworthy.portfolio.studies import design, documents, study, table

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples" / "effects"


def _run(text: str, rows: list[dict[str, Any]] | str) -> dict[str, Any]:
    """Run a design on rows and give the document, which must be JSON as it stands."""
    if not isinstance(rows, str):
        columns = list(rows[0])
        lines = [",".join(columns), *(",".join(str(row[name]) for name in columns) for row in rows)]
        rows = "\n".join(lines)
    agreed = design.read(text, file="design.yaml")
    done = study.run(agreed, table.read(rows.encode(), file="data.csv"), design_file="design.yaml")
    found: dict[str, Any] = json.loads(json.dumps(documents.document(done), allow_nan=False))
    assert "\n".join(documents.lines(done))
    return found


def _refused(text: str, rows: list[dict[str, Any]] | str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        _run(text, rows)
    return caught.value


def _trial(n: int = 200, effect: float = -2.0, seed: int = 2) -> list[dict[str, Any]]:
    generator = np.random.default_rng(seed)
    return [
        {
            "arm": ("A", "B")[i % 2],
            "y": round(10 + effect * (i % 2) + generator.normal(), 4),
            "before": round(10 + generator.normal(), 4),
            "errors": round(5 + generator.normal(), 4),
            "team": i // 4 * 2 + i % 2,
        }
        for i in range(n)
    ]


TRIAL = """\
design: randomized
outcome: y
direction: lower
treatment: arm
treated: B
control: A
"""


def test_trial_improves() -> None:
    """A real effect in the right direction is an improvement of grade A; turned around it is worse."""
    found = _run(TRIAL + "expected_share: 0.5\n", _trial())
    assert (found["verdict"], found["grade"]) == ("improved", "A")
    assert found["effect"]["low"] <= -2 <= found["effect"]["high"]
    assert found["counts"] == {"rows": 200, "treated": 100, "control": 100}
    assert _run(TRIAL.replace("lower", "higher"), _trial())["verdict"] == "worse"


def test_no_evidence_says_what_would_settle_it() -> None:
    """Without an effect it says so, and how many more rows would show the target."""
    found = _run(TRIAL + "target: 0.2\n", _trial(effect=0.0))
    assert found["verdict"] == "no evidence yet"
    assert found["power"]["wanted"] == 0.2
    assert found["power"]["more"] > 200
    assert f"About {found['power']['more']:,} more rows" in found["settles"]


def test_target_that_could_have_shown_is_named() -> None:
    """Where the study was large enough, no further rows are asked for."""
    found = _run(TRIAL + "target: 3\n", _trial(effect=0.0))
    assert found["power"]["more"] == 0
    assert "most likely have shown" in found["settles"]


def test_sample_ratio_mismatch_ends_in_no_claim() -> None:
    """Arms of other sizes than meant refuse every figure."""
    rows = [row for i, row in enumerate(_trial(600)) if row["arm"] == "A" or i % 3]
    found = _run(TRIAL + "expected_share: 0.5\n", rows)
    assert (found["verdict"], found["effect"]) == ("refused", None)
    assert "assignment or logging" in found["refusal"]["reason"]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([{"arm": "A", "y": i} for i in range(9)], "one arm is empty"),
        ([{"arm": "AB"[i % 2], "y": 4} for i in range(9)], "the same in every row"),
        ([{"arm": "A", "y": 1}, {"arm": "A", "y": 2}, {"arm": "B", "y": 3}], "a single unit"),
    ],
)
def test_trial_refuses_what_it_cannot_bear(rows: list[dict[str, Any]], reason: str) -> None:
    """No comparison, no variation, too few units."""
    found = _run(TRIAL, rows)
    assert found["verdict"] == "refused"
    assert reason in found["refusal"]["reason"]
    assert found["refusal"]["needs"]


def test_few_clusters_are_refused_and_clusters_are_followed() -> None:
    """Three clusters are refused; with many the rows of one count together."""
    rows = _trial()
    few = _run(TRIAL + "cluster: third\n", [row | {"third": i % 3} for i, row in enumerate(rows)])
    assert "3 clusters are too few" in few["refusal"]["reason"]
    many = _run(TRIAL + "unit: team\n", rows)
    assert many["effect"]["errors"] == "CR2"
    assert many["counts"]["clusters"] == 100


def test_baseline_covariates_and_many_looks() -> None:
    """CUPED, a linear model, slopes in each arm and always-valid intervals go through one door."""
    rows = [row | {"y": row["y"] + row["before"]} for row in _trial()]
    plain = _run(TRIAL, rows)["effect"]
    cuped = _run(TRIAL + "baseline: before\n", rows)
    assert cuped["details"]["cuped"]["variance_removed"] > 0.2
    assert cuped["effect"]["standard_error"] < plain["standard_error"]
    linear = _run(TRIAL + "covariates: [before]\n", rows)["effect"]
    assert linear["standard_error"] == pytest.approx(cuped["effect"]["standard_error"], rel=0.05)
    lin = _run(TRIAL + "covariates: [before]\ninteracted: true\n", rows)["effect"]
    assert lin["estimate"] == pytest.approx(linear["estimate"], abs=0.1)
    watched = _run(TRIAL + "looks: many\n", rows)["effect"]
    assert watched["high"] - watched["low"] > plain["high"] - plain["low"]
    assert watched["errors"] == "always valid"


def test_rows_by_lot_within_clusters_count_as_rows() -> None:
    """Where the lot fell on rows the sample ratio is theirs; the errors follow the clusters all the same."""
    rows = [row | {"site": i // 10} for i, row in enumerate(_trial())]
    found = _run(TRIAL + "cluster: site\nexpected_share: 0.5\n", rows)
    assert (found["counts"]["treated"], found["counts"]["clusters"]) == (100, 20)
    assert found["effect"]["errors"] == "CR2"


def test_ratio_of_two_columns() -> None:
    """An outcome may be a sum over a sum."""
    rows = [row | {"cases": 3 + i % 5} for i, row in enumerate(_trial())]
    text = TRIAL.replace("outcome: y", "outcome: {numerator: y, denominator: cases}")
    found = _run(text, rows)
    assert found["outcome"] == "y per cases"
    top = {arm: sum(r["y"] for r in rows if r["arm"] == arm) for arm in "AB"}
    bottom = {arm: sum(r["cases"] for r in rows if r["arm"] == arm) for arm in "AB"}
    assert found["effect"]["estimate"] == pytest.approx(top["B"] / bottom["B"] - top["A"] / bottom["A"])
    assert "randomized trials alone" in str(
        _refused("design: before_after\noutcome: {numerator: y, denominator: cases}\n"
                 "direction: lower\ntime: cases\nstart: 5\n", rows)
    )  # fmt: skip


def test_log_scale_is_percent() -> None:
    """On the log scale the effect is said in percent, and figures of 0 are named by their row."""
    rows = [row | {"y": float(np.exp(row["y"] / 10))} for row in _trial()]
    found = _run(TRIAL + "scale: log\n", rows)["effect"]
    assert found["percent"]["estimate"] == pytest.approx(100 * np.expm1(found["estimate"]))
    rows[3]["y"] = 0
    error = _refused(TRIAL + "scale: log\n", rows)
    assert error.issues[0].line == 5
    assert "not above 0" in error.issues[0].message


@pytest.mark.parametrize(
    ("shift", "state"), [(0.0, "within margin"), (3.0, "breached"), (1.0, "cannot tell yet")]
)
def test_guards(shift: float, state: str) -> None:
    """A metric that must not get worse is judged against its margin, both ways and in between."""
    rows = [row | {"errors": row["errors"] + shift * (row["arm"] == "B")} for row in _trial()]
    guard = "guards: [{outcome: errors, direction: lower, margin: 1}]\n"
    found = _run(TRIAL + guard, rows)["guards"][0]
    assert found["state"] == state
    turned = [row | {"errors": -row["errors"]} for row in rows]
    assert _run(TRIAL + guard.replace("lower", "higher"), turned)["guards"][0]["state"] == state


def test_further_outcomes_are_adjusted() -> None:
    """P-values of several outcomes are adjusted for being several."""
    found = _run(TRIAL + "also: [errors, before]\n", _trial())["also"]
    raw = [one["effect"]["p_value"] for one in found]
    assert max(one["adjusted_p_value"] for one in found) == pytest.approx(max(*raw, min(1, 2 * min(raw))))


def _panel(*, starts: tuple[int, ...], slope: float = 0.0, seed: int = 3) -> list[dict[str, Any]]:
    """Thirty units over eight years; `starts` are dealt out in turn, 0 for never. The effect is 3."""
    generator = np.random.default_rng(seed)
    rows = []
    for unit in range(30):
        start, level = starts[unit % len(starts)], generator.normal()
        for year in range(2018, 2026):
            live = bool(start) and year >= start
            y = level + 0.5 * (year - 2018) + 3.0 * live + generator.normal(0, 0.5)
            y += slope * (year - 2018) * bool(start)
            rows.append({"unit": f"u{unit}", "year": year, "start": start or "", "live": int(live), "y": y})
    return rows


DID = "design: difference_in_differences\noutcome: y\ndirection: higher\nunit: unit\ntime: year\n"


def test_parallel_trends_earn_grade_c() -> None:
    """Start and rows of treatment say the same; parallel trends before give C, others E."""
    by_start = _run(DID + "start: start\n", _panel(starts=(2022, 0)))
    by_rows = _run(DID + "treatment: live\n", _panel(starts=(2022, 0)))
    assert by_start["effect"] == by_rows["effect"]
    assert (by_start["verdict"], by_start["grade"]) == ("improved", "C")
    assert by_start["effect"]["low"] <= 3 <= by_start["effect"]["high"]
    assert [one["period"] for one in by_start["details"]["event_study"]] == [-4, -3, -2, 0, 1, 2, 3]
    steep = _run(DID + "start: start\n", _panel(starts=(2022, 0), slope=0.5))
    assert steep["grade"] == "E"
    assert "not evidence of cause" in steep["headline"]


def test_staggered_starts_take_group_times() -> None:
    """Different starts are compared group by group; asked for, two-way effects come with a warning."""
    rows = _panel(starts=(2021, 2023, 0))
    found = _run(DID + "start: start\n", rows)
    assert "Callaway" in found["method"]
    assert found["effect"]["low"] <= 3 <= found["effect"]["high"]
    assert {one["group"] for one in found["details"]["group_times"]} == {"2021", "2023"}
    never = _run(DID + "start: start\ncontrols: never_treated\naggregate: event\n", rows)
    assert "never treated" in never["method"]
    plain = _run(DID + "start: start\nestimator: two_way\n", rows)
    assert "staggered starts" in {one["name"] for one in plain["checks"] if one["state"] == "warning"}
    named = _run(DID + "start: start\nerrors: CR1\n", rows)
    assert "errors" in {one["name"] for one in named["checks"] if one["state"] == "warning"}
    assert named["effect"] == found["effect"]


@pytest.mark.parametrize(
    ("starts", "more", "reason"),
    [
        ((2022,), "", "everybody changed at once"),
        ((0,), "", "no unit was ever treated"),
        ((2018, 0), "", "before and after"),
        ((2021, 2023), "controls: never_treated\n", "no unit that never changed"),
    ],
)
def test_comparisons_that_are_none_are_refused(starts: tuple[int, ...], more: str, reason: str) -> None:
    """Without anybody to compare with there is no effect."""
    found = _run(DID + "start: start\n" + more, _panel(starts=starts))
    assert found["verdict"] == "refused"
    assert reason in found["refusal"]["reason"]


def test_a_single_changed_unit_is_refused() -> None:
    """One unit's ups and downs are not told from a change, unless errors are asked for by name."""
    rows = _panel(starts=(2022,) + (0,) * 29)
    assert "a single unit changed" in _run(DID + "start: start\n", rows)["refusal"]["reason"]
    asked = _run(DID + "start: start\nerrors: CR1\n", rows)
    assert asked["grade"] == "D"
    assert "treated units" in {one["name"] for one in asked["checks"]}


def test_treatment_that_ends_is_said() -> None:
    """A change that is switched off again is told by two-way effects alone, without a test of trends."""
    rows = [row | {"live": int(row["live"] and row["year"] != 2024)} for row in _panel(starts=(2022, 0))]
    found = _run(DID + "treatment: live\n", rows)
    assert found["grade"] == "D"
    assert "treatment stays on" in {one["name"] for one in found["checks"]}
    assert _run(DID + "treatment: live\nestimator: group_time\n", rows)["verdict"] == "refused"


def test_two_groups_and_two_periods() -> None:
    """Four cells give an effect of grade D: nothing shows that trends were parallel."""
    rows = [
        row | {"g": int(bool(row["start"])), "a": int(row["year"] >= 2022)}
        for row in _panel(starts=(2022, 0))
    ]
    text = DID.replace("unit: unit\ntime: year\n", "group: g\nafter: a\ncluster: unit\n")
    found = _run(text, rows)
    assert found["grade"] == "D"
    assert found["effect"]["low"] <= 3 <= found["effect"]["high"]
    empty = _run(text, [row for row in rows if row["g"] or not row["a"]])
    assert "control after" in empty["refusal"]["reason"]


def test_stepped_wedge() -> None:
    """A rollout in steps is graded B; one in which all changed at once is refused."""
    text = "design: stepped_wedge\noutcome: y\ndirection: higher\nunit: unit\ntime: year\nstart: start\n"
    found = _run(text, _panel(starts=(2019, 2020, 2021, 2022, 2023)))
    assert (found["verdict"], found["grade"]) == ("improved", "B")
    assert found["effect"]["low"] <= 3 <= found["effect"]["high"]
    by_rows = _run(
        text.replace("start: start", "treatment: live"), _panel(starts=(2019, 2020, 2021, 2022, 2023))
    )
    assert by_rows["effect"] == found["effect"]
    assert "changed at once" in _run(text, _panel(starts=(2022,)))["refusal"]["reason"]


def test_interrupted_series_needs_twelve_points() -> None:
    """Eleven points are refused with the count that is missing; weeks, months and numbers are times."""
    generator = np.random.default_rng(4)
    text = "design: interrupted_series\noutcome: y\ndirection: lower\ntime: t\nstart: 2026-01\n"
    rows = [
        {"t": f"{2025 + i // 12}-{i % 12 + 1:02d}", "y": 20 - 4 * (i >= 12) + generator.normal(0, 0.5)}
        for i in range(24)
    ]
    found = _run(text, rows)
    assert (found["verdict"], found["grade"]) == ("improved", "D")
    assert found["counts"] == {"rows": 24, "before": 12, "after": 12}
    short = _run(text, rows[7:18])
    assert short["verdict"] == "refused"
    assert short["refusal"]["needs"] == "1 more before the change."


def test_before_and_after_is_no_evidence_of_cause() -> None:
    """Two means are grade E, units compared with themselves too."""
    rows = _panel(starts=(2022,))
    text = "design: before_after\noutcome: y\ndirection: higher\ntime: year\nstart: 2022\n"
    found = _run(text, rows)
    assert found["grade"] == "E"
    assert "not evidence of cause" in found["headline"]
    assert _run(text + "unit: unit\n", rows)["counts"]["units"] == 30
    assert "fewer than two" in _run(text, rows[3:5])["refusal"]["reason"]


def test_a_claim_is_a_claim() -> None:
    """What nobody measured is grade F and no evidence."""
    text = "design: claimed\neffect: -20\ndirection: lower\nbecause: A survey.\n"
    found = documents.document(study.run(design.read(text, file="d.yaml"), None))
    assert (found["grade"], found["verdict"], found["effect"]["low"]) == ("F", "no evidence yet", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRIAL + "tretament: arm\n", "There is no field `tretament` here"),
        ("design: guess\n", "`design` has to be one of randomized"),
        ("outcome: y\n", "`design` has to be one of randomized"),
        (TRIAL.replace("direction: lower\n", ""), "`direction` is required"),
        (TRIAL + "level: 2\n", "less than 1"),
        (TRIAL + "looks: many\ncovariates: [before]\n", "not `covariates`"),
        (TRIAL + "interacted: true\n", "there are none"),
        (TRIAL.replace("outcome: y", "outcome: {numerator: y, denominator: n}") + "baseline: b\n", "A ratio"),
        (DID, "Say the treatment in one way"),
        (DID + "group: a\n", "`group` and `after` belong together"),
        ("[1, 2]\n", "is no design"),
        ("design: interrupted_series\noutcome: y\ndirection: lower\ntime: t\nstart: 3\nlevel: 0.9\n", "0.95"),
    ],
)
def test_designs_that_are_wrong_are_named(text: str, message: str) -> None:
    """Unknown and missing fields are named with their line."""
    with pytest.raises(InvalidError) as caught:
        design.read(text, file="design.yaml")
    told = f"{caught.value.what} {[one.message for one in caught.value.issues]}"
    assert message in told
    if caught.value.issues:
        assert caught.value.issues[0].line > 0


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("arm,y\nA,1\nB,two\n", 3, "`two` is not a number"),
        ("arm,y\nA,1\nB,1.000,5\n", 3, "3 cells"),
        ('arm,y\nA,1\nB,"1,5"\n', 3, "`1,5` is not a number"),
        ("arm,y\nA,1\nC,2\n", 3, "does not say whether"),
        ("arm,x\nA,1\nB,2\n", 1, "no column `y`"),
        ("arm,y,y\nA,1,1\n", 1, "stands twice"),
        ("arm,y\n", 1, "holds no figures"),
        ('arm,y\nA,"1\n', 2, "not readable as CSV"),
        ("arm,y\nA,\nB,NA\n", 0, "Every row lacks a figure"),
    ],
)
def test_tables_that_are_wrong_are_named_by_row(text: str, line: int, message: str) -> None:
    """Whatever cannot be read says where it stands and what to do."""
    error = _refused(TRIAL, text)
    assert message in error.issues[0].message
    assert error.issues[0].line == line
    assert error.issues[0].fix


def test_tables_as_people_save_them() -> None:
    """Semicolons with decimal commas, tabs, a byte-order mark, empty cells and words for nothing are read."""
    rows = _trial(60)
    plain = _run(TRIAL, rows)
    german = "\ufeffarm;y\r\n" + "".join(f"{r['arm']};{str(r['y']).replace('.', ',')}\r\n" for r in rows)
    assert _run(TRIAL, german)["effect"] == plain["effect"]
    tabs = "arm\ty\n" + "".join(f"{r['arm']}\t{r['y']}\n" for r in rows) + "A\tN/A\nB\t\n"
    found = _run(TRIAL, tabs)
    assert found["effect"] == plain["effect"]
    assert found["checks"][0]["words"].startswith("2 of 62 rows lack")


def test_rows_are_chosen_by_where() -> None:
    """`where` takes one value or several, as text or number; a value that nothing has is an error."""
    rows = [row | {"site": i % 3} for i, row in enumerate(_trial(300))]
    assert _run(TRIAL + "where: {site: 1}\n", rows)["counts"]["rows"] == 100
    assert _run(TRIAL + "where: {site: [1, '2.0']}\n", rows)["counts"]["rows"] == 200
    assert "No row has" in _refused(TRIAL + "where: {site: 9}\n", rows).issues[0].message


def test_a_missing_table_is_said() -> None:
    """A measured design without a table says which option is missing."""
    with pytest.raises(InvalidError, match="needs figures") as caught:
        study.run(design.read(TRIAL, file="d.yaml"), None)
    assert "--data" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "verdict", "grade", "truth"),
    [
        ("weekly", "improved", "D", -5.2), ("trial", "improved", "A", -3.1),
        ("rollout", "improved", "B", 2.4),
        ("sites", "improved", "C", -0.07),
    ],
)  # fmt: skip
def test_examples_find_what_was_put_in(name: str, verdict: str, grade: str, truth: float) -> None:
    """The example files were made with a known effect; the interval holds it."""
    found = _run((EXAMPLES / f"{name}.yaml").read_text(), (EXAMPLES / f"{name}.csv").read_text())
    assert (found["verdict"], found["grade"]) == (verdict, grade)
    assert found["effect"]["low"] <= truth <= found["effect"]["high"]
