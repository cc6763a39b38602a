"""Pure: what a provider's failure means for the call, and how the caller is told."""

from __future__ import annotations

from roadworthy.gateway.dialects.dialect import Problem
from roadworthy.gateway.dialects.neutral import ProviderError
from roadworthy.gateway.exchange import Exchange
from roadworthy.gateway.routing import Failure
from roadworthy.gateway.snapshot import Target

# The caller's own mistakes, as the provider sees them: only the caller can mend them.
_CALLERS_FAULT = frozenset({400, 409, 413, 415, 422})


def _sentence(said: str) -> str:
    """A next step follows what a provider said, so it has to end."""
    return said if said.endswith((".", "!", "?", ":")) or not said else f"{said}."


def failure_of_status(status: int, said: ProviderError, retry_after: str, target: Target) -> Failure:
    """Say what a provider's error status means for the call."""
    provider, model = target.provider.name, target.model.name
    if status in {401, 403}:
        return Failure(
            "provider_refused_credentials",
            f"provider/{provider} does not accept the credential that Roadworthy has for it.",
            status,
        )
    if status == 404:
        return Failure(
            "provider_unknown_model",
            f"provider/{provider} does not know {target.model.upstream_model!r}, which model/{model} names.",
            status,
        )
    if 300 <= status < 400:
        message = f"provider/{provider} answered with a redirect ({status}), which is never followed."
        return Failure("provider_redirected", message, status)
    if status == 429:
        return Failure("provider_rate_limited", f"provider/{provider} limits the rate.", status, retry_after)
    if status in _CALLERS_FAULT:
        message = f"The provider refused the request: {_sentence(said.message[:2000])}"
        return Failure("provider_refused_request", message, status, param=said.param)
    return Failure("provider_error", f"provider/{provider} answered {status}.", status, retry_after)


def error_in_answer(said: ProviderError | None) -> Failure:
    """Say that a success is none: the answer holds an error."""
    if said is None or not said.message:
        return Failure("protocol_error", "The provider's answer is not an answer of its dialect.")
    return Failure("error_in_answer", f"The provider answered with an error: {said.message[:2000]}")


def status_for(failure: Failure) -> int:
    """Return the status that the caller gets."""
    if failure.code == "provider_refused_request" or failure.status == 429:
        return failure.status
    if failure.code == "untranslatable":
        return 400
    if failure.code == "provider_secret_unavailable":
        return 503
    return 504 if failure.code.endswith("timeout") else 502


def retry_line(failure: Failure) -> bytes:
    """Pass the provider's wait on when it is a sane number of seconds."""
    wait = failure.retry_after
    if wait.isascii() and wait.isdigit() and len(wait) <= 4 and int(wait) <= 3600:
        return b"retry-after: %d\r\n" % int(wait)
    return b""


def problem_of_failure(exchange: Exchange, failure: Failure) -> Problem:
    """Return a failure as a dialect says it."""
    assert exchange.target is not None
    assert exchange.index is not None
    step = "Try again; if it stays, ask the owner of the provider."
    if failure.code == "provider_refused_request":
        step = "Change the request as the provider asks."
    if failure.code == "untranslatable":
        step = "Leave that out, or call a model whose provider speaks the dialect you call in."
    return Problem(
        status=status_for(failure),
        code=failure.code,
        message=failure.message,
        trace_id=exchange.trace_id,
        revision=exchange.index.revision,
        param=failure.param,
        declaration=f"provider/{exchange.target.provider.name}",
        next_step=step,
    )


def internal(exchange: Exchange) -> Problem:
    """Return what is said after a mistake of ours."""
    return Problem(
        status=500,
        code="internal_error",
        message="The gateway made a mistake of its own with this call.",
        trace_id=exchange.trace_id,
        revision=exchange.index.revision if exchange.index is not None else 0,
        next_step="Report it with the trace id; the gateway's log says more.",
    )


def unrecorded(exchange: Exchange) -> Problem:
    """Return what is said in place of an answer that could not be recorded."""
    return Problem(
        status=503,
        code="call_not_recorded",
        message="The answer is withheld because the call could not be recorded.",
        trace_id=exchange.trace_id,
        revision=exchange.index.revision if exchange.index is not None else 0,
        next_step="Try again; if it stays, the gateway's disk is full or failing.",
    )
