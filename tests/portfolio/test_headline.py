"""The headline says no more than holds: an independent checker recomputes every claim from raw figures."""

import re
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from roadworthy.portfolio.effect import InterventionMark, OutcomeContract, WeeklyPoint, judge
from roadworthy.portfolio.headline import decimals_for, headline

START = date(2025, 1, 6)
NUMBER = r"[\d,]+(?:\.\d+)?"
DAY = r"\d{1,2} [A-Z][a-z]+ \d{4}"
SIGNAL = re.compile(
    rf"^(?P<title>.+?) (?P<verb>was|has been) (?P<size>{NUMBER}) (?P<unit>.+) (?P<word>higher|lower) "
    rf"than its earlier trend predicted \(95 % interval (?P<low>{NUMBER}) to (?P<high>{NUMBER})\) "
    rf"over the (?P<after>\d+) weeks? measured (?P<span>.+), "
    rf"(?P<judged>(?P<share>{NUMBER}) % of the targeted change|the wrong direction); "
    r"a before/after comparison is not proof of cause\.$"
)
SILENT = re.compile(
    rf"^(?P<title>.+?): nothing can be told(?P<yet> yet)? from its figures, which lie "
    rf"between (?P<low>{NUMBER}) lower and (?P<high>{NUMBER}) (?P<unit>.+) higher than its earlier trend "
    r"predicted \(95 % interval, no change included\) over the (?P<after>\d+) weeks? measured (?P<span>.+)\.$"
)
SHORT = re.compile(
    r"^(?P<title>.+?): nothing can be told(?: yet)?, because (?P<before>\d+) whole weeks before and "
    rf"(?P<after>\d+) (?:since|between) the launch on {DAY}(?: and its rollback on {DAY})? were measured, "
    r"and at least 6 of each are needed\.$"
)
MONTHS = [date(2025, month, 1).strftime("%B") for month in range(1, 13)]


@dataclass(frozen=True)
class Case:
    """Raw figures and dates, from which both the product and the checker work."""

    contract: OutcomeContract
    points: tuple[WeeklyPoint, ...]
    launch: date
    rollback: date | None
    as_of: date


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Short and long series of any scale, with and without change, trend, gaps and a rollback."""
    before, after = draw(st.integers(0, 30)), draw(st.integers(0, 24))
    scale = draw(st.sampled_from([0.001, 0.5, 1.0, 40.0, 1e4, 3e8]))
    level, trend = draw(st.floats(-6, 6)), draw(st.floats(-0.2, 0.2))
    noise, rho = draw(st.sampled_from([0.02, 0.3, 1.0, 4.0])), draw(st.sampled_from([0.0, 0.4]))
    generator = np.random.default_rng(draw(st.integers(0, 2**20)))
    launch = START + timedelta(weeks=before, days=draw(st.sampled_from([0, 0, 0, 3])))
    error, figures = 0.0, []
    for index in range(before + after):
        error = rho * error + generator.normal() * noise
        start = START + timedelta(weeks=index)
        value = scale * (20 + trend * index + (level if start >= launch else 0.0) + error)
        if generator.random() > 0.05:
            figures.append(WeeklyPoint(start, float(value)))
    rollback = launch + timedelta(days=draw(st.integers(30, 200))) if draw(st.booleans()) else None
    contract = OutcomeContract(
        title=draw(st.sampled_from(["Median handling time", "First-time fix rate", "NPS (claims)"])),
        unit=draw(st.sampled_from(["minutes per claim", "%", "EUR", "points"])),
        direction=draw(st.sampled_from(["increase", "decrease"])),
        baseline_value=20 * scale,
        baseline_start=START,
        baseline_end=launch - timedelta(days=1),
        target_delta=draw(st.floats(0.2, 8)) * scale,
        horizon_end=START + timedelta(weeks=80),
    )
    return Case(contract, tuple(figures), launch, rollback, START + timedelta(weeks=before + after, days=2))


def recompute(case: Case) -> tuple[int, int, tuple[float, float, float] | None]:
    """Weeks before and after, and effect with interval, by other formulas and from the raw dates alone."""
    rolled_back = case.rollback if case.rollback is not None and case.rollback <= case.as_of else None
    week = timedelta(days=7)
    over = [p for p in case.points if (p.start + timedelta(days=6)) <= case.as_of]
    before = [p for p in over if p.start + timedelta(days=6) < case.launch]
    after = [
        p for p in over if p.start >= case.launch and (rolled_back is None or p.start + week <= rolled_back)
    ]
    if len(before) < 6 or len(after) < 6:
        return len(before), len(after), None
    rows = before + after
    t = np.array([(p.start - case.launch).days for p in rows]) / 7
    is_after = np.array([False] * len(before) + [True] * len(after))
    y = np.array([p.value for p in rows])
    size = np.abs(y).max()
    x = np.column_stack([np.ones(t.size), t, is_after, np.where(is_after, t, 0.0)])
    n = t.size
    lag = max(1, min(n // 3, int(np.ceil(1.3 * n**0.5))))
    inverse = np.linalg.pinv(x)
    beta = inverse @ (y / size)
    residuals = y / size - x @ beta
    row = np.array([0, 0, 1, t[is_after].mean()])
    # The effect is a weighted sum of the figures, so its variance is a weighted sum of their covariances.
    weights = (row @ inverse) * residuals
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    robust = weights @ np.clip(1 - apart / (lag + 1), 0, None) @ weights * n / (n - 4)
    ordinary = (residuals @ residuals) / (n - 4) * np.sum((row @ inverse) ** 2)
    error = float(np.sqrt(max(robust, ordinary)))
    b = (lag + 1) / n
    half = (
        float(stats.t.ppf(0.975, n - 4)) * (1.96 + 2.9694 * b + 0.416 * b**2 - 0.5324 * b**3) / 1.96 * error
    )
    effect = float(row @ beta)
    return len(before), len(after), (effect * size, (effect - half) * size, (effect + half) * size)


def close(shown: str, exact: float) -> bool:
    """A written figure is the exact one to within half of its last digit."""
    digits = len(shown.split(".")[1]) if "." in shown else 0
    return bool(
        abs(float(shown.replace(",", "")) - exact) <= 0.5 * 10**-digits * (1 + 1e-6) + 1e-7 * abs(exact)
    )


def check_span(case: Case, span: str) -> None:
    """The dates in the sentence are the launch and, only if it had happened, the rollback."""
    rolled_back = case.rollback is not None and case.rollback <= case.as_of
    days = [
        date(int(y), MONTHS.index(m) + 1, int(d)) for d, m, y in re.findall(r"(\d+) ([A-Z]\w+) (\d{4})", span)
    ]
    assert days == ([case.launch, case.rollback] if rolled_back else [case.launch])
    assert ("rollback" in span) == rolled_back


def check_signal(case: Case, said: re.Match[str], found: tuple[float, float, float]) -> None:
    """Direction, magnitude, interval and share are what the checker finds."""
    effect, low, high = found
    assert low > 0 or high < 0, "a change is claimed where the interval holds none"
    assert said["word"] == ("higher" if effect > 0 else "lower")
    near, far = sorted((abs(low), abs(high)))
    assert close(said["size"], abs(effect))
    assert close(said["low"], near)
    assert close(said["high"], far)
    assert float(said["low"].replace(",", "")) > 0, "a bound that reads as zero denies the claim"
    good = (effect > 0) == (case.contract.direction == "increase")
    assert (said["share"] is not None) == good
    if said["share"] is not None:
        assert close(said["share"], abs(effect) / case.contract.target_delta * 100)
    assert said["unit"] == ("percentage points" if case.contract.unit == "%" else case.contract.unit)


def check_sentence(case: Case, text: str) -> str:
    """Refute the sentence if it can be; say which form it took."""
    before, after, found = recompute(case)
    assert text.endswith(".")
    assert ". " not in text, "exactly one sentence"
    assert text.startswith(case.contract.title)
    if (said := SIGNAL.match(text)) is not None:
        assert found is not None
        assert int(said["after"]) == after
        check_span(case, said["span"])
        check_signal(case, said, found)
        return "signal"
    assert "nothing can be told" in text
    if (said := SILENT.match(text)) is not None:
        assert found is not None
        _, low, high = found
        assert low <= 0 <= high, "silence where there is a signal"
        assert close(said["low"], abs(low))
        assert close(said["high"], abs(high))
        assert int(said["after"]) == after
        check_span(case, said["span"])
        return "silent"
    assert found is None
    if (said := SHORT.match(text)) is not None:
        assert (int(said["before"]), int(said["after"])) == (before, after)
        return "short"
    if "no whole week has been measured" in text:
        assert not [p for p in case.points if p.start + timedelta(days=6) <= case.as_of]
        return "empty"
    weeks = re.search(r"nothing has been launched for it; (\d+) weeks? measured so far", text)
    assert weeks is not None
    assert case.launch > case.as_of
    return "unlaunched"


def test_no_claim_can_be_refuted() -> None:
    """1,200 generated outcomes: no direction, figure, count, date, interval or share is wrong."""
    forms: set[str] = set()

    @settings(max_examples=1200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases())
    def refute(case: Case) -> None:
        marks = [InterventionMark(case.launch, "launch", "a")]
        if case.rollback is not None:
            marks.append(InterventionMark(case.rollback, "rollback", "a"))
        verdict = judge(case.contract, case.points, marks, as_of=case.as_of)
        spoken = headline(case.contract, verdict)
        forms.add(check_sentence(case, spoken.text))
        for claim in spoken.claims:
            assert claim.shown in spoken.text
        if verdict.status in {"no evidence yet", "too early", "no data"}:
            assert any(claim.kind == "nothing yet" for claim in spoken.claims)
            assert "% of the targeted change" not in spoken.text

    refute()
    assert {"signal", "silent", "short"} <= forms, "the generator was blind to a form of the sentence"


FIGURES = tuple(
    WeeklyPoint(START + timedelta(weeks=i), (12.0 if i < 26 else 8.9) + (0.3 if i % 2 else -0.3))
    for i in range(46)
)
LAUNCH = START + timedelta(weeks=26)
CONTRACT = OutcomeContract(
    "Median handling time", "minutes per claim", "decrease", 12.0, START, LAUNCH, 4.0, date(2026, 12, 31)
)


def _say(contract: OutcomeContract, *, rollback: date | None = None, as_of: date = date(2026, 1, 1)) -> str:
    marks = [InterventionMark(LAUNCH, "launch", "a")]
    if rollback:
        marks.append(InterventionMark(rollback, "rollback", "a"))
    return headline(contract, judge(contract, FIGURES, marks, as_of=as_of)).text


def test_the_sentence_as_written() -> None:
    """The whole sentence of a plain improvement, so that a reader of this test hears it."""
    assert re.fullmatch(
        r"Median handling time has been 3\.\d+ minutes per claim lower than its earlier trend predicted "
        r"\(95 % interval \d\.\d+ to \d\.\d+\) over the 20 weeks measured since the launch on 7 July 2025, "
        r"\d\d % of the targeted change; a before/after comparison is not proof of cause\.",
        _say(CONTRACT),
    )


def test_a_rollback_is_said() -> None:
    """A rolled-back regression names both days and the wrong direction."""
    text = _say(replace(CONTRACT, direction="increase"), rollback=LAUNCH + timedelta(weeks=10))
    assert "was 3." in text
    assert (
        "between the launch on 7 July 2025 and its rollback on 15 September 2025, the wrong direction;"
        in text
    )


def test_an_unlaunched_outcome_waits() -> None:
    """Before any launch nothing can be told, however much was measured."""
    text = _say(CONTRACT, as_of=LAUNCH - timedelta(days=1))
    assert text == (
        "Median handling time: nothing can be told yet, because nothing has been launched for it; "
        "26 weeks measured so far."
    )


@pytest.mark.parametrize(
    ("values", "decimals"),
    [((3.1, 2.2, 4.0), 1), ((0.5, 0.004, 1.0), 3), ((4e9, 3e9, 5e9), 0), ((0.0, 0.0), 0), ((2.5, 2.5), 1)],
)
def test_decimals_follow_the_spread(values: tuple[float, ...], decimals: int) -> None:
    """Two digits of the spread, more only when a figure would read as zero."""
    assert decimals_for(*values) == decimals
