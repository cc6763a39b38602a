"""From Cedar's text to statements: parsed, checked against the schema, and read into plain data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from roadworthy.policy.compiled import condition
from roadworthy.policy.statement import Expression, Statement
from roadworthy.policy.text import Piece, pieces
from roadworthy.policy.vocabulary import OF_EACH_CALL, SCHEMA

STATEMENTS_MAX = 200
_BINARY = {
    "and": "and", "or": "or", "eq": "==", "not_eq": "!=", "less": "<", "less_eq": "<=", "greater": ">",
    "greater_eq": ">=", "add": "+", "sub": "-", "mul": "*", "in": "in", "contains": "contains",
    "contains_all": "contains_all", "contains_any": "contains_any",
}  # fmt: skip
_UNARY = {"not": "not", "neg": "neg", "is_empty": "is_empty"}
_QUOTED = re.compile(r"`([\w.]+)`")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a policy's text."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Read:
    """What a text holds, and what is wrong with it; with a problem it holds nothing to be enforced."""

    statements: tuple[Statement, ...] = ()
    problems: tuple[Problem, ...] = ()


class _NotReadError(Exception):
    """An expression that has no place in a policy about calls."""


@lru_cache(maxsize=1024)
def read(text: str) -> Read:
    """Read a Cedar text; the same text is read once."""
    found = pieces(text)
    if not found:
        return Read(problems=(Problem(1, "It holds no statement."),))
    if len(found) > STATEMENTS_MAX:
        return Read(problems=(Problem(1, f"It holds more than {STATEMENTS_MAX} statements."),))
    problems = _syntax(found) or _types(text, found)
    if problems:
        return Read(problems=tuple(problems))
    statements, names = [], set[str]()
    for place, piece in enumerate(found, start=1):
        try:
            one = _statement(piece, place)
        except _NotReadError as error:
            problems.append(Problem(piece.line, str(error)))
            continue
        if one.name in names:
            problems.append(Problem(one.line, f"The @id {one.name[:80]!r} stands twice."))
        names.add(one.name)
        statements.append(one)
    return Read(problems=tuple(problems)) if problems else Read(tuple(statements))


def _syntax(found: list[Piece]) -> list[Problem]:
    import cedarpy

    problems = []
    for piece in found:
        try:
            parsed = cedarpy.policies_to_pst(piece.text)
        except ValueError as error:
            problems.append(Problem(_line(piece, str(error)), f"It is not valid Cedar: {error}."))
            continue
        if parsed.templates or len(parsed.static_policies) != 1:
            problems.append(Problem(piece.line, "Write whole statements: templates with slots are not read."))
    return problems


def _types(text: str, found: list[Piece]) -> list[Problem]:
    import cedarpy

    result = cedarpy.validate_policies(text, _schema())
    problems = []
    for error in result.errors:
        place = re.search(r"\d+", error.policy_id or "")
        piece = found[int(place.group())] if place and int(place.group()) < len(found) else found[0]
        said = re.sub(r"^for policy `[^`]*`, ", "", str(error.error))
        problems.append(Problem(_line(piece, said), f"{said[:1].upper()}{said[1:400].rstrip('.')}."))
    return problems


@lru_cache(maxsize=1)
def _schema() -> Any:
    import cedarpy

    return cedarpy.Schema.from_str(SCHEMA)


def _line(piece: Piece, said: str) -> int:
    named = _QUOTED.search(said)
    return piece.line if named is None else piece.line_of(named.group(1))


def _statement(piece: Piece, place: int) -> Statement:
    import cedarpy

    (parsed,) = cedarpy.policies_to_pst(piece.text).static_policies.values()
    conditions: list[Expression] = []
    principal, of_principal = _scope(parsed.principal, "principal")
    resource, of_resource = _scope(parsed.resource, "resource")
    for one in (*principal, *resource):
        conditions += _conjuncts(one)
    for clause in parsed.clauses:
        made = _expression(clause.expr)
        conditions += _conjuncts(made if type(clause).__name__ == "When" else ["not", made])
    fixed: list[Expression] = []
    each: list[Expression] = []
    needs = set[str]()
    for one in conditions:
        asked = _asked(one)
        needs |= asked
        (each if asked else fixed).append(one)
    made_fixed, made_each = json.dumps(fixed), json.dumps(each)
    try:
        condition(made_fixed)
        condition(made_each)
    except (SyntaxError, RecursionError, MemoryError, ValueError) as error:
        raise _NotReadError("It is nested too deeply.") from error
    said = parsed.annotations
    return Statement(
        name=str(said.get("id") or f"statement {place}")[:120],
        effect=parsed.effect,
        line=piece.line,
        reason=" ".join(str(said.get("reason") or "").split())[:400],
        fixed=made_fixed,
        each=made_each,
        needs=tuple(sorted(needs)),
        of=of_principal or of_resource,
    )


def _scope(node: Any, variable: str) -> tuple[list[Expression], tuple[str, str] | None]:
    kind, var = type(node).__name__, ["var", variable]
    if kind == "ScopeAny":
        return [], None
    if kind == "ScopeIs":
        return [["is", var, str(node.entity_type), None]], None
    uid = _uid(node.entity)
    of = (str(node.entity.type), node.entity.id)
    if kind == "ScopeIsIn":
        return [["is", var, str(node.entity_type), uid]], of
    return [["==" if kind == "ScopeEq" else "in", var, uid]], of


def _conjuncts(one: Expression) -> list[Expression]:
    """Cut `a && b` apart: a statement applies only if all its conditions are true, in whatever order."""
    flat: list[Expression] = []
    left = [one]
    while left:
        each = left.pop()
        if each[0] == "and":
            left += [each[2], each[1]]
        else:
            flat.append(each)
    return flat


def _asked(one: Any) -> set[str]:
    """Return what an expression asks of the one call."""
    if not isinstance(one, list) or not one:
        return set()
    if one[0] in {"get", "has"} and one[1] == ["var", "context"]:
        return {one[2]} & OF_EACH_CALL
    return {name for part in one[1:] for name in _asked(part)}


def _uid(entity: Any) -> Expression:
    return ["uid", str(entity.type), entity.id]


def _expression(node: Any) -> Expression:
    kind = type(node).__name__
    if kind in {"BoolLit", "LongLit", "StringLit"}:
        return ["lit", node.value]
    if kind == "EntityLit":
        return _uid(node.value)
    if kind == "Var":
        return ["var", node.name]
    if kind == "Set":
        return ["set", *(_expression(one) for one in node.elements)]
    if kind == "IfThenElse":
        return ["if", *(_expression(one) for one in (node.cond, node.then_expr, node.else_expr))]
    if kind == "Like":
        return ["like", _expression(node.base), _parts(node.pattern)]
    if kind == "UnaryOp" and node.op in _UNARY:
        return [_UNARY[node.op], _expression(node.arg)]
    if kind == "BinaryOp" and node.op in _BINARY:
        return _binary(_BINARY[node.op], _expression(node.left), _expression(node.right))
    if kind in {"GetAttr", "HasAttr", "Is"}:
        return _of_entity(kind, node)
    named = getattr(node, "op", kind)
    raise _NotReadError(f"`{named}` has no use in a policy about calls, and is not read.")


def _binary(operation: str, left: Expression, right: Expression) -> Expression:
    if operation == "in" and left[0] == "uid":
        raise _NotReadError("It asks whether a named entity is in another: ask that of a part of the call.")
    if operation in {"==", "!="} and left[0] == "uid":
        left, right = right, left
    if left == ["var", "action"] or right == ["var", "action"]:
        raise _NotReadError('There is one action, `Action::"call"`: leave the condition out.')
    return [operation, left, right]


def _of_entity(kind: str, node: Any) -> Expression:
    base = _expression(node.base)
    if base[0] == "uid":
        raise _NotReadError("It looks into an entity by its name: ask that of a part of the call.")
    if kind == "GetAttr":
        return ["get", base, node.attr]
    if kind == "Is":
        return [
            "is",
            base,
            str(node.entity_type),
            None if node.in_expr is None else _expression(node.in_expr),
        ]
    return _has(node)


def _has(node: Any) -> Expression:
    base = _expression(node.base)
    steps = []
    for attr in node.attrs:
        steps.append(["has", base, attr])
        base = ["get", base, attr]
    made = steps[0]
    for step in steps[1:]:
        made = ["and", made, step]
    return made


def _parts(pattern: Any) -> list[str]:
    """Return what stands between the wildcards."""
    parts = [""]
    for one in pattern:
        if type(one).__name__ == "Wildcard":
            parts.append("")
        else:
            parts[-1] += one.value
    return parts
