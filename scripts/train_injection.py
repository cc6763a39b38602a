"""Trains the built-in injection classifier: `python scripts/train_injection.py FOLDER OUT`.

Needs numpy and scipy.
FOLDER holds `train.csv`, `validation.csv` and `test.csv` (columns `text` and `label`) of the s-labs prompt
injection dataset. The strength is chosen on the validation texts; the test texts are only reported on.
"""

from __future__ import annotations

import csv
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize

from roadworthy.gateway.filters.injection import BUCKETS, features

READ_CHARS = 4000


def load(path: Path) -> list[tuple[str, int]]:
    """Return the texts of a file and whether each is an injection."""
    with path.open(newline="", encoding="utf-8") as lines:
        return [(row["text"], int(row["label"])) for row in csv.DictReader(lines)]


def matrix(rows: list[tuple[str, int]]) -> Any:
    """Return a row for each text: its features, scaled to length one."""
    starts, numbers, values = [0], [], []
    for text, _ in rows:
        found = sorted(features(text[:READ_CHARS]))
        numbers += found
        values += [1 / np.sqrt(max(1, len(found)))] * len(found)
        starts.append(len(numbers))
    return sparse.csr_matrix((values, numbers, starts), shape=(len(rows), BUCKETS))


def fit(texts: Any, signs: Any, strength: float) -> tuple[Any, float]:
    """Return the weights and the bias of a logistic regression."""

    def loss(point: Any) -> tuple[float, Any]:
        weights, bias = point[:-1], point[-1]
        margins = signs * (texts @ weights + bias)
        slope = -signs / (1 + np.exp(margins))
        value = np.logaddexp(0, -margins).sum() + 0.5 * weights @ weights / strength
        return value, np.append(texts.T @ slope + weights / strength, slope.sum())

    found = minimize(loss, np.zeros(BUCKETS + 1), jac=True, method="L-BFGS-B", options={"maxiter": 150})
    return found.x[:-1], found.x[-1]


def scores(rows: list[tuple[str, int]], weights: Any, bias: float) -> Any:
    """Return the score of each text."""
    return 1 / (1 + np.exp(-(matrix(rows) @ weights + bias)))


def main(folder: Path, out: Path) -> None:
    """Train, write the weights, and print what stands in `injection.py` and `injection.md`."""
    validation, test = load(folder / "validation.csv"), load(folder / "test.csv")
    kept_apart = {text.lower().strip() for text, _ in validation + test}
    train = [row for row in load(folder / "train.csv") if row[0].lower().strip() not in kept_apart]
    texts, signs = matrix(train), np.array([2 * label - 1 for _, label in train])
    seen = np.asarray((texts > 0).sum(0)).ravel()
    rarity = np.log((len(train) + 1) / (seen + 1)) + 1
    best: tuple[Any, Any, float] | None = None
    for strength in (2.0, 10.0):
        weights, bias = fit(texts @ sparse.diags(rarity), signs, strength)
        right = ((scores(validation, weights * rarity, bias) > 0.5) == [y for _, y in validation]).mean()
        if best is None or right > best[0]:
            best = (right, weights * rarity, bias)
    assert best is not None, "one of the two strengths was tried"
    _, weights, bias = best
    scale = np.abs(weights).max() / 127
    small = np.round(weights / scale).astype(np.int8)
    out.write_bytes(zlib.compress(small.tobytes(), 9))
    print(f"SCALE = {scale}\nBIAS = {bias}")
    found, labels = scores(test, small * scale, bias), np.array([label for _, label in test])
    for bar in (0.5, 0.7, 0.8, 0.9):
        print(bar, (found[labels == 1] >= bar).mean(), (found[labels == 0] >= bar).mean())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
