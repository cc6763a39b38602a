"""Pure: which targets are tried, in which order, and when a failed attempt is followed by another."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from roadworthy.gateway.access import Admitted
from roadworthy.gateway.snapshot import Target


class Attempt(msgspec.Struct, frozen=True):
    """One try: at which target, and how long its first byte may take."""

    target: Target
    first_byte_timeout_s: float
    retry: int = 0


class Failure(msgspec.Struct, frozen=True):
    """Why an attempt came to nothing. `status` is the provider's, 0 when it never answered."""

    code: str
    message: str
    status: int = 0
    retry_after: str = ""


RETRYABLE_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})

# What the provider said or did that another target may not repeat.
_PASSING = frozenset(
    {
        "connect_failed", "connect_timeout", "first_byte_timeout", "closed_early", "protocol_error",
        "error_in_answer", "empty_stream", "name_not_found", "answer_encoded", "too_large",
        "provider_refused_credentials", "provider_secret_missing", "provider_redirected", "total_timeout",
        "private_address", "tls_failed", "idle_timeout", "provider_unknown_model",
    }
)  # fmt: skip
# Trying the very same target again is worth it only for what may pass by itself at once.
_WORTH_RETRYING = frozenset({"connect_failed", "closed_early", "error_in_answer", "empty_stream"})


def plan(admitted: Admitted, *, tripped: Collection[str]) -> tuple[Attempt, ...]:
    """List the attempts: each target with its retries; tripped targets go last, never away altogether."""
    route = admitted.route
    if route is None:
        target = admitted.targets[0]
        return (Attempt(target, target.provider.total_timeout_s),)
    targets = admitted.targets
    if tripped:
        healthy = [target for target in targets if target.model.name not in tripped]
        targets = (*healthy, *(target for target in targets if target.model.name in tripped))
    limit = route.timeout_s or float("inf")
    attempts = []
    for target in targets:
        timeout_s = min(limit, target.provider.total_timeout_s)
        attempts += [Attempt(target, timeout_s, retry) for retry in range(route.retries + 1)]
    return tuple(attempts)


def may_go_on(failure: Failure) -> bool:
    """May anything follow this failure? Only if another target might answer where this one could not."""
    return failure.code in _PASSING or failure.status in RETRYABLE_STATUS


def next_position(attempts: tuple[Attempt, ...], position: int, failure: Failure) -> int | None:
    """Return the place of the attempt to make after the one at `position` failed, or None to give up."""
    if not may_go_on(failure):
        return None
    same_again = failure.code in _WORTH_RETRYING or failure.status in RETRYABLE_STATUS
    failed = attempts[position].target
    for place in range(position + 1, len(attempts)):
        if same_again or attempts[place].target is not failed:
            return place
    return None
