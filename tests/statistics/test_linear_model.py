"""Least squares and its standard errors agree with statsmodels; CR2 has the property that defines it."""

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from roadworthy.statistics import linear_model
from roadworthy.statistics.linear_model import Errors

Vector = npt.NDArray[np.float64]


def _data(
    n: int, k: int, seed: int, *, clusters: int = 12
) -> tuple[Vector, Vector, Vector, npt.NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    x = np.column_stack([np.ones(n), generator.normal(size=(n, k))])
    groups = generator.integers(0, clusters, n)
    groups[:clusters] = np.arange(clusters)
    y = x @ generator.normal(size=k + 1) + generator.normal(size=n) * (1 + np.abs(x[:, 1]))
    y = y + generator.normal(size=clusters)[groups]
    return x, y, generator.uniform(0.2, 3.0, n), groups


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(20, 120),
    k=st.integers(1, 5),
    seed=st.integers(0, 10_000),
    weighted=st.booleans(),
    errors=st.sampled_from(["classic", "HC0", "HC1", "HC2", "HC3", "HAC"]),
)
def test_matches_statsmodels(*, n: int, k: int, seed: int, weighted: bool, errors: Errors) -> None:
    """Coefficients, standard errors, intervals and p-values are statsmodels' to 1e-8."""
    x, y, w, _ = _data(n, k, seed)
    model = linear_model.fit(x, y, w if weighted else None)
    how = linear_model.inference(model, errors=errors, level=0.9, lag=3)
    oracle = sm.WLS(y, x, weights=w) if weighted else sm.OLS(y, x)
    kwds = {"maxlags": 3, "use_correction": True} if errors == "HAC" else None
    kind = "nonrobust" if errors == "classic" else errors
    result = oracle.fit(cov_type=kind, cov_kwds=kwds, use_t=True)
    for index in range(k + 1):
        found = how.of_column(index)
        assert found.value == pytest.approx(result.params[index], abs=1e-8)
        assert found.standard_error == pytest.approx(result.bse[index], abs=1e-8)
        assert (found.low, found.high) == pytest.approx(tuple(result.conf_int(0.1)[index]), abs=1e-7)
        assert found.p_value == pytest.approx(result.pvalues[index], abs=1e-8)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(30, 120), k=st.integers(1, 4), seed=st.integers(0, 10_000), weighted=st.booleans())
def test_clustered_matches_statsmodels(*, n: int, k: int, seed: int, weighted: bool) -> None:
    """CR1 is statsmodels' cluster covariance with its correction, with G-1 degrees of freedom."""
    x, y, w, groups = _data(n, k, seed)
    model = linear_model.fit(x, y, w if weighted else None)
    oracle = sm.WLS(y, x, weights=w) if weighted else sm.OLS(y, x)
    result = oracle.fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    found = linear_model.inference(model, errors="CR1", level=0.95, clusters=groups).of_column(1)
    assert found.standard_error == pytest.approx(result.bse[1], abs=1e-8)
    assert found.degrees_of_freedom == 11
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 11) * result.bse[1], abs=1e-8)


def _brute_cr2(x: Vector, y: Vector, groups: npt.NDArray[np.int64], contrast: Vector) -> tuple[float, float]:
    """Variance and degrees of freedom as Bell and McCaffrey write them, with n by n matrices."""
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    rest = np.eye(len(y)) - hat
    residuals = rest @ y
    meat = np.zeros((x.shape[1], x.shape[1]))
    columns = []
    for name in np.unique(groups):
        rows = groups == name
        root = np.real(linalg.fractional_matrix_power(rest[np.ix_(rows, rows)], -0.5))
        score = x[rows].T @ root @ residuals[rows]
        meat += np.outer(score, score)
        columns.append(rest[:, rows] @ root @ x[rows] @ bread @ contrast)
    omega = np.column_stack(columns)
    gram = omega.T @ omega
    return float(contrast @ bread @ meat @ bread @ contrast), float(np.trace(gram) ** 2 / np.sum(gram**2))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(30, 60), k=st.integers(1, 3), seed=st.integers(0, 10_000))
def test_cr2_is_bell_and_mccaffreys(*, n: int, k: int, seed: int) -> None:
    """CR2 and its degrees of freedom are those of the definition, computed with whole matrices."""
    x, y, _, groups = _data(n, k, seed, clusters=8)
    contrast = np.zeros(k + 1)
    contrast[1] = 1.0
    variance, degrees = _brute_cr2(x, y, groups, contrast)
    found = linear_model.inference(
        linear_model.fit(x, y), errors="CR2", level=0.95, clusters=groups
    ).of_column(1)
    assert found.standard_error == pytest.approx(np.sqrt(variance), rel=1e-7)
    assert found.degrees_of_freedom == pytest.approx(degrees, rel=1e-7)


def test_cr2_of_single_rows_is_hc2() -> None:
    """Where every row is its own cluster CR2 is HC2."""
    x, y, w, _ = _data(40, 2, 5)
    model = linear_model.fit(x, y, w)
    rows = np.arange(40)
    alone = linear_model.inference(model, errors="CR2", level=0.95, clusters=rows).of_column(1)
    hc2 = linear_model.inference(model, errors="HC2", level=0.95).of_column(1)
    assert alone.standard_error == pytest.approx(hc2.standard_error, rel=1e-10)


def test_cr2_is_unbiased_where_errors_are_alike() -> None:
    """The mean of CR2 variances over many draws of equal errors is the true variance."""
    x, _, _, groups = _data(48, 2, 3, clusters=6)
    generator = np.random.default_rng(9)
    truth = np.linalg.inv(x.T @ x)[1, 1]
    found = [
        linear_model.inference(
            linear_model.fit(x, generator.normal(size=48)), errors="CR2", level=0.95, clusters=groups
        ).of_column(1).standard_error ** 2
        for _ in range(2000)
    ]  # fmt: skip
    assert np.mean(found) == pytest.approx(truth, rel=4 * np.std(found) / np.sqrt(2000) / truth)


def test_collinear_columns_are_left_out() -> None:
    """The later of two columns that say the same is left out; the first keeps its coefficient."""
    x, y, _, _ = _data(50, 2, 4)
    doubled = np.column_stack([x, x[:, 1] * 3.0 + x[:, 0], np.zeros(50)])
    model = linear_model.fit(doubled, y)
    assert model.kept == (0, 1, 2)
    assert model.beta == pytest.approx(linear_model.fit(x, y).beta)
    assert model.column(3) is None


def test_large_figures_keep_their_digits() -> None:
    """An outcome in the billions has the same coefficients."""
    x, y, _, _ = _data(80, 3, 6)
    small, large = linear_model.fit(x, y), linear_model.fit(x, y * 1e3 + 4e9)
    assert large.beta[1:] == pytest.approx(small.beta[1:] * 1e3, rel=1e-6)


def test_clusters_are_needed_where_they_are_asked_for() -> None:
    """Cluster errors without clusters are a mistake of ours, and say so."""
    x, y, _, _ = _data(30, 1, 1)
    with pytest.raises(ValueError, match="need clusters"):
        linear_model.inference(linear_model.fit(x, y), errors="CR1", level=0.95)
