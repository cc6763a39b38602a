"""Pure: an expression as a Python function; only what is listed here can come out of it, whatever goes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from roadworthy.policy.statement import Expression

_LONG_MAX: Final = 2**63 - 1
_VARIABLES: Final = {"principal": "p", "resource": "r", "context": "c"}
_COMPARED: Final = frozenset({"==", "!=", "<", "<=", ">", ">="})
_RECKONED: Final = {"+": "_add", "-": "_sub", "*": "_mul"}

ERRS: Final = (KeyError, OverflowError, TypeError, AttributeError)
"""What an expression raises when it errs: the statement is then skipped, as Cedar has it."""


class Thing:
    """An entity: what it is called, what is known of it, and everything it is in, itself included."""

    __slots__ = ("attrs", "line", "uid")

    def __init__(
        self,
        kind: str,
        name: str,
        attrs: dict[str, Any] | None = None,
        above: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self.uid = (kind, name)
        self.attrs: dict[str, Any] = attrs if attrs is not None else {}
        self.line = above | {self.uid}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and self.uid == other.uid

    def __hash__(self) -> int:
        return hash(self.uid)

    def __repr__(self) -> str:
        return f"{self.uid[0]}::{self.uid[1]!r}"


Condition = Callable[[Thing, Thing, dict[str, Any]], bool]
"""From principal, resource and context to whether all conditions are true; raises one of `ERRS`."""


def _long(value: int) -> int:
    if not -_LONG_MAX - 1 <= value <= _LONG_MAX:
        raise OverflowError
    return value


def _like(text: str, parts: tuple[str, ...]) -> bool:
    """Match what stands between wildcards, from left to right; the time is bounded by the text's length."""
    if len(parts) == 1:
        return text == parts[0]
    first, last = parts[0], parts[-1]
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in parts[1:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


_WORLD: Final[dict[str, Any]] = {
    "__builtins__": {},
    "_add": lambda left, right: _long(left + right),
    "_sub": lambda left, right: _long(left - right),
    "_mul": lambda left, right: _long(left * right),
    "_neg": lambda value: _long(-value),
    "_like": _like,
    "_in_any": lambda line, things: any(one.uid in line for one in things),
    "Thing": Thing,
    "frozenset": frozenset,
}


@lru_cache(maxsize=8192)
def condition(conditions: str) -> Condition:
    """Return a function for a JSON list of conditions; `ValueError` for what is none."""
    return _made(" and ".join(_said(one) for one in json.loads(conditions)) or "True")


def _made(source: str) -> Condition:
    # The source is written by `_said` alone, out of fixed words and literals; there are no builtins.
    made: Condition = eval(compile(f"lambda p, r, c: {source}", "<policy>", "eval"), dict(_WORLD))  # noqa: S307
    return made


def _literal(value: Any) -> str:
    if type(value) not in {str, int, bool}:
        raise ValueError(f"{type(value).__name__} is no literal")
    return repr(value)


def _said(one: Expression) -> str:
    """Write an expression in Python."""
    operation, *parts = one
    if operation in {"and", "or"}:
        return "(" + f" {operation} ".join(_said(part) for part in _chain(operation, one)) + ")"
    if operation in {"==", "!="} and parts[1][0] == "uid":
        return f"({_said(parts[0])}.uid {operation} ({_literal(parts[1][1])}, {_literal(parts[1][2])}))"
    if operation in _COMPARED:
        return f"({_said(parts[0])} {operation} {_said(parts[1])})"
    if operation in _RECKONED:
        return f"{_RECKONED[operation]}({_said(parts[0])}, {_said(parts[1])})"
    writer = _WRITERS.get(operation)
    if writer is None:
        raise ValueError(f"{operation!r} is no operation")
    return writer(*parts)


def _chain(operation: str, one: Expression) -> list[Expression]:
    """Flatten `a && b && c`, which nests to the left, so that Python does not nest as deep."""
    found: list[Expression] = []
    while one[0] == operation:
        found.append(one[2])
        one = one[1]
    return [one, *reversed(found)]


def _get(base: Expression, name: str) -> str:
    if base == ["var", "context"]:
        return f"c[{_literal(name)}]"
    return f"{_said(base)}.attrs[{_literal(name)}]"


def _has(base: Expression, name: str) -> str:
    where = "c" if base == ["var", "context"] else f"{_said(base)}.attrs"
    return f"({_literal(name)} in {where})"


def _in(left: Expression, right: Expression) -> str:
    if right[0] == "uid":
        return f"(({_literal(right[1])}, {_literal(right[2])}) in {_said(left)}.line)"
    if right[0] == "set":
        return f"_in_any({_said(left)}.line, {_said(right)})"
    return f"({_said(right)}.uid in {_said(left)}.line)"


def _is(base: Expression, kind: str, inside: Expression | None) -> str:
    said = f"({_said(base)}.uid[0] == {_literal(kind)})"
    return said if inside is None else f"({said} and {_in(base, inside)})"


def _set(*members: Expression) -> str:
    return "frozenset((" + "".join(f"{_said(one)}, " for one in members) + "))"


_WRITERS: Final[dict[str, Callable[..., str]]] = {
    "lit": _literal,
    "uid": lambda kind, name: f"Thing({_literal(kind)}, {_literal(name)})",
    "var": lambda name: _VARIABLES[name],
    "get": _get,
    "has": _has,
    "in": _in,
    "is": _is,
    "set": _set,
    "not": lambda one: f"(not {_said(one)})",
    "neg": lambda one: f"_neg({_said(one)})",
    "is_empty": lambda one: f"(not {_said(one)})",
    "if": lambda test, then, other: f"({_said(then)} if {_said(test)} else {_said(other)})",
    "like": lambda base, parts: f"_like({_said(base)}, ({''.join(_literal(one) + ', ' for one in parts)}))",
    "contains": lambda left, right: f"({_said(right)} in {_said(left)})",
    "contains_all": lambda left, right: f"({_said(left)} >= {_said(right)})",
    "contains_any": lambda left, right: f"(not {_said(left)}.isdisjoint({_said(right)}))",
}
