"""Pure: reads what providers say they ask money for: exports of several providers, or a declared mapping."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from roadworthy.foundation.errors import InvalidError
from roadworthy.quota.entry import NANO

BYTES_MAX = 8 * 1024 * 1024
Format = Literal["auto", "openai", "anthropic", "azure", "aws", "mapping"]
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """What a provider asks for a model on a day; None where its file does not say."""

    day: date
    model: str
    amount_nano: int | None
    currency: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    requests: int | None = None


_KNOWN: tuple[tuple[Format, frozenset[str]], ...] = (
    ("openai", frozenset({"amount_value", "line_item"})),
    ("openai", frozenset({"model", "num_model_requests"})),
    ("anthropic", frozenset({"usage_date_utc", "cost_usd"})),
    ("aws", frozenset({"line_item_usage_start_date", "line_item_unblended_cost"})),
    ("aws", frozenset({"lineitem/usagestartdate", "lineitem/unblendedcost"})),
    ("azure", frozenset({"costinbillingcurrency", "metername"})),
)
_TOKEN_TYPES = re.compile(
    r"[-_, ]*(mantle[-_ ])?(cache[-_ ](read|write)[-_ ])?(cached[-_ ])?(input|output|inp|outp|opt)"
    r"([-_ ]tokens?)?([-_ ]count)?([-_ ](standard|batch|flex|priority|global|glbl|regnl|dzone).*)?$",
    re.IGNORECASE,
)
_REGION = re.compile(r"^[A-Z]{2,4}\d?-")


def read(text: str, *, format: Format = "auto", mapping: Mapping[str, Any] | None = None) -> tuple[Line, ...]:  # noqa: A002
    """Return the lines of a file, added up by day and model; refuse what cannot be understood whole."""
    table = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter="\t" if "\t" in text[:2000] else ",")
    names = [name.strip() for name in table.fieldnames or ()]
    chosen = format
    if format == "auto":
        lower = {name.lower() for name in names}
        chosen = next((one for one, needed in _KNOWN if needed <= lower), "auto")
    if mapping is not None:
        chosen = "mapping"
    if chosen == "auto":
        raise InvalidError(
            "This file is in none of the known formats.",
            why=f"Its columns are: {', '.join(names)[:300] or 'none'}.",
            fix="Declare with `--mapping` which column holds the day, the model and the amount.",
        )
    reader = _mapped(mapping or {}) if chosen == "mapping" else _READERS[chosen]
    found: dict[tuple[date, str, str], Line] = {}
    for number, row in enumerate(table, start=2):
        if None in row or None in row.values():
            raise _unreadable(number, "it has more or fewer fields than the heading")
        try:
            lines = tuple(
                reader({(name or "").strip().lower(): value.strip() for name, value in row.items()})
            )
        except (ValueError, InvalidOperation, OverflowError) as error:
            raise _unreadable(number, str(error) or "a figure is no number") from error
        except KeyError as error:
            raise _unreadable(number, f"the column {error} is missing") from error
        for line in lines:
            key = (line.day, line.model, line.currency)
            found[key] = line if key not in found else _sum(found[key], line)
    return tuple(found[key] for key in sorted(found))


def _unreadable(number: int, why: str) -> InvalidError:
    return InvalidError(
        f"Line {number} of the file cannot be read.",
        why=f"{why[:1].upper()}{why[1:]}.",
        fix="Correct it, or export the file again; nothing was compared.",
    )


def _sum(one: Line, other: Line) -> Line:
    def add(a: int | None, b: int | None) -> int | None:
        return b if a is None else a if b is None else a + b

    return Line(
        one.day, one.model, add(one.amount_nano, other.amount_nano), one.currency,
        add(one.input_tokens, other.input_tokens), add(one.output_tokens, other.output_tokens),
        add(one.requests, other.requests),
    )  # fmt: skip


def nano(text: str) -> int:
    """Return an amount in billionths; half of one goes to the even."""
    value = Decimal(text.replace(",", "")) if text else Decimal(0)
    if not value.is_finite() or abs(value) > 1_000_000_000:
        raise ValueError(f"{text[:40]} is no amount of money")
    return int((value * NANO).to_integral_value())


def _whole(text: str) -> int | None:
    if not text:
        return None
    value = Decimal(text.replace(",", ""))
    if not value.is_finite() or value < 0 or value > 10**15:
        raise ValueError(f"{text[:40]} is no count")
    return int(value)


def day_of(text: str) -> date:
    """Read a day: ISO, seconds since 1970, or month/day/year as Azure writes it; a time is taken in UTC."""
    if text.isascii() and text.isdigit() and len(text) >= 9:
        return datetime.fromtimestamp(int(text), UTC).date()
    if re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4}", text):
        month, day, year = (int(part) for part in text.split("/"))
        return date(year, month, day)
    if len(text) == 10:
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is None else moment.astimezone(UTC)).date()


def bare_model(text: str) -> str:
    """Return a model's name without the kind of token that a line is about."""
    return _TOKEN_TYPES.sub("", text).strip(" ,-_") or text


def _openai(row: Row) -> Iterator[Line]:
    day = day_of(row.get("start_time_iso") or row["start_time"])
    if "amount_value" in row:
        if row["amount_value"]:
            model = bare_model(row["line_item"]) or "all models"
            yield Line(day, model, nano(row["amount_value"]), row["amount_currency"].upper() or "USD")
        return
    if row["model"]:
        yield Line(
            day, row["model"], None, "USD",
            _whole(row["input_tokens"]), _whole(row["output_tokens"]), _whole(row["num_model_requests"]),
        )  # fmt: skip


def _anthropic(row: Row) -> Iterator[Line]:
    yield Line(day_of(row["usage_date_utc"]), row["model"] or "all models", nano(row["cost_usd"]), "USD")


def _azure(row: Row) -> Iterator[Line]:
    currency = row.get("billingcurrencycode") or row.get("billingcurrency") or row.get("currency") or "USD"
    model = bare_model(row["metername"])
    yield Line(day_of(row["date"]), model, nano(row["costinbillingcurrency"]), currency.upper())


def _aws(row: Row) -> Iterator[Line]:
    row = {name.replace("lineitem/", "line_item_").replace("product/", "product_"): row[name] for name in row}
    plain = {name.replace("_", ""): value for name, value in row.items()}
    product = plain.get("lineitemproductcode", "")
    if product and "bedrock" not in product.lower():
        return
    usage = _REGION.sub("", plain["lineitemusagetype"])
    tokens = None
    if "cache" not in usage.lower() and (amount := plain.get("lineitemusageamount")):
        # Counted in thousands of tokens, as they are priced.
        tokens = int(Decimal(amount) * 1_000)
    yield Line(
        day_of(plain["lineitemusagestartdate"]),
        bare_model(usage),
        nano(plain["lineitemunblendedcost"]),
        (plain.get("lineitemcurrencycode") or "USD").upper(),
        tokens if "input-token" in usage.lower() else None,
        tokens if "output-token" in usage.lower() else None,
    )


_READERS: Mapping[str, Callable[[Row], Iterator[Line]]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "azure": _azure,
    "aws": _aws,
}
_FIELDS = frozenset(
    {"day", "model", "amount", "currency", "currency_is", "input_tokens", "output_tokens", "requests", "only"}
)


def _mapped(mapping: Mapping[str, Any]) -> Callable[[Row], Iterator[Line]]:
    """Return the reader for a mapping: which column is the day, the model, the amount, and so on."""
    unknown = sorted(set(mapping) - _FIELDS)
    missing = sorted({"day", "model", "amount"} - set(mapping))
    if unknown or missing:
        raise InvalidError(
            "The mapping cannot be used.",
            why=f"Unknown: {', '.join(unknown) or 'nothing'}; missing: {', '.join(missing) or 'nothing'}.",
            fix=f"It may name: {', '.join(sorted(_FIELDS))}.",
        )
    only = {str(name).lower(): str(value) for name, value in dict(mapping.get("only") or {}).items()}

    def column(row: Row, name: str) -> str:
        return row[str(mapping[name]).lower()] if name in mapping else ""

    def reader(row: Row) -> Iterator[Line]:
        if any(row[name] != value for name, value in only.items()):
            return
        currency = column(row, "currency") or str(mapping.get("currency_is") or "USD")
        yield Line(
            day_of(column(row, "day")), bare_model(column(row, "model")), nano(column(row, "amount")),
            currency.upper(), _whole(column(row, "input_tokens")), _whole(column(row, "output_tokens")),
            _whole(column(row, "requests")),
        )  # fmt: skip

    return reader
