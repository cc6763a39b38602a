"""The Jinja environment of the console, and the headers its pages are sent with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from roadworthy.foundation.web import formats
from roadworthy.foundation.web.parts import Cell, Code, Link, Milliseconds, Money, Spark, Status
from roadworthy.foundation.web.served_assets import asset_url, assets
from roadworthy.foundation.web.view import plain, twin_url

SHARED_TEMPLATES = Path(__file__).parent / "templates"

RAIL = (
    ("", (("/", "Needs you", "needs", "h"), ("/drafts", "Drafts", "check", "d"))),
    (
        "Did it change the business?",
        (
            ("/outcomes", "Outcomes", "outcomes", "o"),
            ("/portfolio", "Portfolio", "portfolio", "p"),
            ("/scorecard", "Scorecard", "scorecard", "s"),
            ("/blueprints", "Blueprints", "rules", "n"),
            ("/lead-time", "Lead time", "traces", "l"),
        ),
    ),
    ("What is there already?", (("/inventory", "Inventory", "inventory", "v"),)),
    ("Can it be shown?", (("/controls", "Controls", "controls", "c"),)),
    ("What happened?", (("/traces", "Traces", "traces", "t"), ("/audit", "Audit", "audit", "a"))),
    (
        "Who may do what?",
        (
            ("/rules", "Rules", "rules", "r"),
            ("/access", "Access", "access", "i"),
            ("/operations/budgets", "Budgets", "budgets", "b"),
            ("/operations/filters", "Filters", "filters", "f"),
            ("/operations/switches", "Switches", "switches", "w"),
        ),
    ),
)
"""The rail: groups by the question they answer; each item is (address, title, icon, key after `g`)."""


def build_environment(slices: Iterable[tuple[str, Path]] = ()) -> Environment:
    """Return the environment that finds a slice's `page.html` as `<slice>/page.html`, and the shared ones."""
    loader = ChoiceLoader(
        [
            FileSystemLoader(SHARED_TEMPLATES),
            PrefixLoader({name: FileSystemLoader(folder) for name, folder in slices}),
        ]
    )
    env = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters.update(
        date=formats.date_markup,
        datetime=formats.datetime_markup,
        age=formats.age_markup,
        number=formats.number,
        money=formats.money,
        duration=formats.duration,
        cell=cell_markup,
        plain=plain,
    )
    env.globals.update(
        asset_url=asset_url,
        icon=icon,
        twin_url=twin_url,
        rail=RAIL,
        htmx="htmx.js" in assets(),
        Status=Status,
        Link=Link,
    )
    # Every template has the kit at hand without importing it.
    env.globals["kit"] = env.get_template("kit.html").module
    return env


def icon(name: str, css_class: str = "") -> Markup:
    """Return a drawing from the sprite; it is decoration, so the words beside it must do without it."""
    return Markup(
        '<svg class="icon {}" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>'
    ).format(css_class, asset_url("icons.svg"), name)


def chip_markup(status: Status) -> Markup:
    """Return a status as shape and word."""
    return Markup('<span class="chip chip-{}">{}{}</span>').format(
        status.state, icon(f"state-{status.state}", f"state-{status.state}"), status.word
    )


def cell_markup(cell: Cell, decimals: int | None = None) -> Markup | str:
    """Return a table cell for people. Numbers and times carry the machine's value beside the shown one."""
    if cell is None:
        return Markup(
            '<span class="nil"><span aria-hidden="true">–</span><span class="sr">no data</span></span>'
        )
    if isinstance(cell, Status):
        return chip_markup(cell)
    if isinstance(cell, Link):
        return Markup('<a href="{}">{}</a>').format(cell.href, cell.text)
    if isinstance(cell, Code):
        return Markup("<code>{}</code>").format(cell.text)
    if isinstance(cell, Spark):
        return Markup('<span class="spark">{}<span class="sr">{}</span></span>').format(cell.svg, cell.text)
    if isinstance(cell, datetime):
        return formats.datetime_markup(cell)
    if isinstance(cell, date):
        return formats.date_markup(cell)
    if isinstance(cell, str):
        return cell
    return Markup('<data value="{}">{}</data>').format(_machine(cell), _figure(cell, decimals))


def _machine(cell: bool | float | Decimal | Money | Milliseconds) -> str:  # noqa: FBT001  # a cell, not a flag
    value = plain(cell)
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _figure(cell: bool | float | Decimal | Money | Milliseconds, decimals: int | None) -> str:  # noqa: FBT001  # as above
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Money):
        return formats.money(cell.nano, cell.currency)
    if isinstance(cell, Milliseconds):
        return formats.duration(cell.value)
    return formats.number(cell, decimals)


def csp_headers() -> dict[str, str]:
    """Return the content security policy: only our own files, nothing inline, no frames."""
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return {"Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items())}


def page_headers() -> dict[str, str]:
    """Return every security header of a page; pages show governed data, so nobody keeps a copy."""
    return {
        **csp_headers(),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control": "no-store",
    }


def asset_headers(*, versioned: bool) -> dict[str, str]:
    """Return the headers of an asset; a versioned address never changes its content."""
    return {
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "public, max-age=31536000, immutable" if versioned else "public, max-age=300",
    }
