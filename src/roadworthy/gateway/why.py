"""Pure: a routing decision in the compact form that records keep, and in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXCLUSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "unknown": "is not declared, or its provider is not",
        "unapproved": "is not among the models that the use case is granted",
        "stopped": "is stopped by a kill switch, or its provider is",
        "tier": "is not meant for use cases of this risk tier",
        "data": "is not meant for all the data that the use case sees",
        "data-unknown": "is meant for some sorts of data only, and the use case does not say which it sees",
        "region": "is served from a region that the route does not allow",
        "region-unknown": "has a provider whose region is not declared, and the route allows some only",
        "trains": "has a provider whose contract does not rule out training on what it is sent",
        "keeps": "has a provider that keeps what it is sent for longer than the route allows",
        "task": "is not meant for this task",
        "policy": "is forbidden to such calls by a policy",
        "policy-now": "is forbidden to this very call by a policy",
        "busy": "has as many calls under way as it may",
        "resting": "rests after failures, so it is asked last",
    }
)
"""Why a model is not asked, or not asked first, as the end of a sentence about it."""

_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "order": "It is the first in the declared order.",
        "only": "It is the only one that fits.",
        "share": "It was drawn by the declared weights.",
        "cost": "It is expected to be the cheapest.",
        "quality": "It scored best in its latest evaluation.",
        "latency": "It was the fastest lately.",
        "weighted": "It scored best over cost, quality and latency, weighted as declared.",
        "explored": "Its latency is not known yet: some calls go to it first so that it becomes known.",
        "canary=share": "It is a canary, and this caller is in the share that tries it out.",
        "canary=cohort": "It is a canary, and this caller is in the cohort that tries it out.",
        "no_target_fits": "No model fits.",
        "targets_busy": "Every target was busy.",
    }
)


def explained(why: str, *, ahead: bool = False) -> tuple[str, ...]:
    """Return the sentences that a record's `why` stands for; none for a record without one.

    With `ahead` they are about a call that nobody has made.
    """
    if why.startswith("shadow of "):
        return (f"It is the shadow of call {why.removeprefix('shadow of ')}: its answer went to nobody.",)
    chosen, *parts = why.split(";")
    if not chosen:
        return ()
    tense = "would be" if ahead else "was"
    said = ["No model was asked." if chosen == "none" else f"model/{chosen} {tense} asked first."]
    explored = "explored" in parts
    for part in parts:
        name, _, value = part.partition("=")
        if name in {"not", "later"}:
            said += _each(value)
        elif name == "task":
            said.append(f"The task is {value}.")
        elif name == "scores":
            said.append("Scores: " + ", ".join(one.replace(":", " ") for one in value.split(",")) + ".")
        elif name == "shadow":
            said.append(f"model/{value} was asked as well, as a shadow; its answer went to nobody.")
        elif part in _RULES and not (explored and part in {"latency", "weighted"}):
            if part == "order" and "later=" in why and chosen != "none":
                said.append("It is the first in the declared order that does not rest.")
            elif chosen != "none" or part in {"no_target_fits", "targets_busy"}:
                said.append(_RULES[part])
    return tuple(said)


def _each(value: str) -> list[str]:
    found = []
    for one in value.split(","):
        name, _, code = one.partition(":")
        found.append(f"model/{name} {EXCLUSIONS.get(code, code)}.")
    return found
