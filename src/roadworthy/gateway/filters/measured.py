"""What was measured of the recognisers on texts that nobody tuned them on: a report kept with the program."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import msgspec

REPORT = Path(__file__).parent / "measured.json"


class Figure(msgspec.Struct, frozen=True):
    """One recogniser: of how many it found how many, and where it found what was none."""

    positives: int = 0
    found: int = 0
    negatives: int = 0
    false_positives: int = 0


class Summary(msgspec.Struct, frozen=True):
    """The same for several together."""

    positives: int
    recall: float | None
    negatives: int
    false_positives: int
    us_per_kb: float


class TextSet(msgspec.Struct, frozen=True):
    """A set of texts: whose, how many, and whether they are injections or harmless."""

    name: str
    texts: int
    injections: bool


class Classified(msgspec.Struct, frozen=True):
    """Of one set, how many texts the classifier of injections flags from a score on."""

    set: str
    injections: bool
    threshold: float
    texts: int
    flagged: int


class Measured(msgspec.Struct, frozen=True):
    """The whole report."""

    version: str = ""
    engine: str = ""
    seed: int = 0
    texts: int = 0
    us_per_kb_clean: float = 0.0
    us_per_kb_dirty: float = 0.0
    recognisers: dict[str, Figure] = {}
    us_per_kb_classifier: float = 0.0
    phrases: tuple[Classified, ...] = ()
    """All phrases of injections together, of each set: a set does not say which phrase a text is."""
    classifier: tuple[Classified, ...] = ()
    sets: tuple[TextSet, ...] = ()
    sources: dict[str, str] = {}
    """What values to be found were drawn from, with its version."""

    def of(self, names: Sequence[str]) -> Summary | None:
        """Return recognisers together; None when none of them was measured."""
        known = [self.recognisers[name] for name in names if name in self.recognisers]
        positives = sum(one.positives for one in known)
        if not positives:
            return None
        return Summary(
            positives,
            sum(one.found for one in known) / positives,
            max(one.negatives for one in known),
            sum(one.false_positives for one in known),
            self.us_per_kb_clean,
        )

    def of_phrases(self) -> Summary | None:
        """Return the phrases of injections together, over all sets."""
        return _together(self.phrases, self.us_per_kb_clean)

    def of_classifier(self, threshold: float) -> Summary | None:
        """Return the classifier over all sets, at the highest measured score that is not above this one."""
        bars = [one.threshold for one in self.classifier]
        bar = max((one for one in bars if one <= threshold), default=min(bars, default=0.0))
        return _together([one for one in self.classifier if one.threshold == bar], self.us_per_kb_classifier)


def _together(found: Sequence[Classified], us_per_kb: float) -> Summary | None:
    attacks = [one for one in found if one.injections]
    harmless = [one for one in found if not one.injections]
    if not attacks or not harmless:
        return None
    positives = sum(one.texts for one in attacks)
    return Summary(
        positives,
        sum(one.flagged for one in attacks) / positives,
        sum(one.texts for one in harmless),
        sum(one.flagged for one in harmless),
        us_per_kb,
    )


@lru_cache(maxsize=1)
def measured() -> Measured:
    """Return the report that came with this version; an empty one when none did."""
    if not REPORT.exists():
        return Measured()
    return msgspec.json.decode(REPORT.read_bytes(), type=Measured)
