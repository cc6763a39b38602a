"""Pure: what a token of a model costs, from the declared price or the shipped, dated price list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from roadworthy.models.kinds import Price

_NANO_PER_MILLION = 1_000  # one unit of currency for a million tokens is 1,000 billionths for one


@dataclass(frozen=True, slots=True)
class Rates:
    """Billionths of the currency for one token; None where the price is not known. Never a guess."""

    input_nano: int | None = None
    output_nano: int | None = None
    cached_input_nano: int | None = None
    currency: str = "USD"
    source: str = ""
    """Where the figures come from, with their date; or why there are none."""


def rates(price: Price | None, *, as_of: datetime) -> Rates:
    """Return what a token costs at a time."""
    if price is None:
        return Rates(source="no price is declared")
    if price.genai_prices is not None:
        return _listed(price.genai_prices, as_of)
    assert price.input_per_million is not None
    assert price.output_per_million is not None
    assert price.as_of is not None
    return Rates(
        input_nano=_nano(Decimal(str(price.input_per_million))),
        output_nano=_nano(Decimal(str(price.output_per_million))),
        currency=price.currency or "USD",
        source=f"declared, as of {price.as_of.isoformat()}",
    )


def _listed(ref: str, as_of: datetime) -> Rates:
    # The list is data inside a package: nothing is fetched. It takes a while to import.
    from genai_prices import Usage, __version__, calc_price

    provider, _, model = ref.partition("/")
    listed = f"genai-prices {__version__}, {ref}"
    try:
        found = calc_price(
            Usage(input_tokens=1, output_tokens=1),
            model_ref=model,
            provider_id=provider,
            genai_request_timestamp=as_of,
        ).model_price
    except LookupError:
        return Rates(source=f"{listed}: not in the list")
    return Rates(
        input_nano=_per_token(found, "input_mtok"),
        output_nano=_per_token(found, "output_mtok"),
        cached_input_nano=_per_token(found, "cache_read_mtok"),
        source=f"{listed}, on {as_of.date().isoformat()}",
    )


def _per_token(found: Any, name: str) -> int | None:
    value = getattr(found, name, None)
    # A price in steps begins with the one for short prompts.
    base = getattr(value, "base", value)
    return None if base is None else _nano(Decimal(base))


def _nano(per_million: Decimal) -> int:
    exact = per_million * _NANO_PER_MILLION
    rounded = int(exact.to_integral_value(ROUND_HALF_EVEN))
    return rounded if rounded or not exact else 1  # what costs something never costs nothing
