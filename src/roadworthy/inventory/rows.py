"""Pure: rows of a list become entries; each row is accounted for, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from roadworthy.inventory import answers
from roadworthy.inventory import mapping as mappings
from roadworthy.inventory.kinds import Claimed, InventoryEntry
from roadworthy.inventory.mapping import CheckRule, FactRule, InventoryMapping
from roadworthy.inventory.naming import Names, slug
from roadworthy.inventory.source_file import SourceFile, SourceRow, plain

RowStatus = Literal["imported", "warnings", "attention", "blank"]
_LINE = 300
_LONG = 20_000
_ENTRY_MAX = 150_000


@dataclass(frozen=True, slots=True)
class RowRead:
    """What became of one row."""

    row: int
    line: int
    status: RowStatus
    name: str
    entry: InventoryEntry | None
    """None for a row on which nothing stands."""
    same_as: int = 0
    """An earlier row that says word for word the same."""
    same_name_as: int = 0
    """An earlier row that wanted the same name."""

    @property
    def findings(self) -> tuple[str, ...]:
        """Return what was odd about it."""
        return self.entry.findings if self.entry is not None else ()


def read_rows(mapping: InventoryMapping, source: SourceFile, *, file: str = "") -> list[RowRead]:
    """Return what became of each row, in the order of the file."""
    reader = _Reader(mapping, source, mappings.locate(mapping, source, file=file))
    return [reader.read(row) for row in source.rows]


class _Reader:
    def __init__(
        self, mapping: InventoryMapping, source: SourceFile, places: Mapping[str, int | None]
    ) -> None:
        self._mapping = mapping
        self._headers = source.headers
        self._places = places
        self._names = Names()
        self._seen: dict[tuple[str, ...], int] = {}
        kept = mapping.entry.keep
        self._kept = (
            list(range(len(source.headers)))
            if kept == "all"
            else [place for alias in kept if (place := places[alias]) is not None]
        )

    def read(self, row: SourceRow) -> RowRead:
        if row.blank:
            return RowRead(row.row, row.line, "blank", "", None)
        return _RowReader(self._mapping, self._headers, self._places, self._kept, row).read(
            self._names, self._seen
        )


class _RowReader:
    """Reads one row; what it cannot use it says."""

    def __init__(
        self,
        mapping: InventoryMapping,
        headers: Sequence[str],
        places: Mapping[str, int | None],
        kept: Sequence[int],
        row: SourceRow,
    ) -> None:
        self._mapping = mapping
        self._headers = headers
        self._places = places
        self._kept = kept
        self._row = row
        self._findings: list[str] = list(row.oddities)
        self._attention = bool(row.oddities)

    def read(self, names: Names, seen: dict[tuple[str, ...], int]) -> RowRead:
        rules, row = self._mapping.entry, self._row
        content = tuple(plain(cell) for cell in row.cells)
        same_as = seen.setdefault(content, row.row)
        same_as = 0 if same_as == row.row else same_as
        wanted = slug([self._said(one) for one in rules.name], fallback=content)
        apart = [self._said(one) for one in rules.told_apart_by] or list(content)
        name, first = names.give(wanted, row=row.row, told_apart_by=apart)
        if same_as:
            self._note(f"It says the same as row {same_as}, word for word.")
        elif first:
            self._note(f"Row {first} has the same name; this one is told apart by a mark.")
        entry = self._entry(wanted)
        status: RowStatus = "attention" if self._attention else "warnings" if entry.findings else "imported"
        return RowRead(row.row, row.line, status, name, entry, same_as, first)

    def _entry(self, wanted: str) -> InventoryEntry:
        rules = self._mapping.entry
        title = self._said(rules.title)
        if not title:
            self._note(f"Column `{self._header(rules.title)}` is empty, so it has no title.", attention=True)
        elif len(title) > _LINE:
            self._note(f"Its title is cut after {_LINE} characters.")
        facts, provenance = self._facts()
        outcome = self._said(rules.outcome)
        looked_in = rules.benefit_in or ((rules.outcome,) if rules.outcome else ())
        benefit = next((one for alias in looked_in if (one := answers.stated_benefit(self._said(alias)))), "")
        risk, risk_said = self._risk()
        return InventoryEntry(
            title=_cut(title) or f"Without a title ({wanted})",
            list_name=self._mapping.list_name,
            summary=self._summary() or None,
            unit=_cut(self._said(rules.unit)) or None,
            team=_cut(self._said(rules.team)) or None,
            owners={side: _cut(said) for side, alias in rules.owners.items() if (said := self._said(alias))},
            stage=self._stage(),
            outcome=_cut(outcome) or None,
            benefit=_cut(benefit) or None,
            expected_users=self._users(),
            dates=self._dates(),
            declared_risk=risk,
            declared_risk_said=risk_said,
            facts=facts,
            provenance=provenance,
            claims=self._claims(),
            answers=self._answers(),
            findings=tuple(_cut(one) for one in dict.fromkeys(self._findings)),
        )

    def _note(self, text: str, *, attention: bool = False) -> None:
        self._findings.append(text)
        self._attention = self._attention or attention

    def _cell(self, alias: str | None) -> str:
        place = self._places[alias] if alias is not None else None
        return self._row.cells[place] if place is not None and place < len(self._row.cells) else ""

    def _said(self, alias: str | None) -> str:
        """Return what a cell says on one line; nothing where it says that it says nothing."""
        cell = self._cell(alias)
        return "" if answers.blank(cell, self._mapping.blank) else plain(cell)

    def _header(self, alias: str) -> str:
        place = self._places[alias]
        return self._headers[place][:80] if place is not None else alias

    def _summary(self) -> str:
        return "\n\n".join(
            said
            for alias in self._mapping.entry.summary
            if not answers.blank(cell := self._cell(alias), self._mapping.blank) and (said := cell.strip())
        )[:_LONG]

    def _look_up(self, rule: Any, *, values: Mapping[str, Any], of: str) -> Any:
        """Return what an answer stands for; one that the mapping does not know is named."""
        cell = self._cell(rule.column)
        known, value = answers.find(cell, values, match=rule.match)
        if not known and not answers.blank(cell, self._mapping.blank):
            said = _cut(plain(cell), 80)
            self._note(
                f"`{self._header(rule.column)}` says `{said}`, which the mapping does not read as {of}."
            )
        return value

    def _stage(self) -> Any:
        rule = self._mapping.entry.stage
        return None if rule is None else self._look_up(rule, values=rule.values, of="a stage")

    def _risk(self) -> tuple[Any, str | None]:
        rule = self._mapping.entry.risk
        if rule is None:
            return None, None
        value = self._look_up(rule, values=rule.values, of="a risk")
        return value, _cut(self._said(rule.column)) or None

    def _users(self) -> int | None:
        said = self._said(self._mapping.entry.expected_users)
        found = answers.count(said) if said else None
        if said and found is None:
            self._note(f"`{_cut(said, 80)}` is no single number of users.")
        return found

    def _dates(self) -> dict[str, str]:
        found = {}
        for what, alias in self._mapping.entry.dates.items():
            said = self._said(alias)
            if not said:
                continue
            day = answers.day(said, order=self._mapping.entry.date_order)
            if day is None:
                self._note(f"`{self._header(alias)}` says `{_cut(said, 80)}`, which is no day.")
                continue
            found[what] = day.text
            if day.odd:
                self._note(f"`{self._header(alias)}`: {day.odd}; read as {day.text}.")
        return found

    def _facts(self) -> tuple[dict[str, Any], dict[str, str]]:
        facts: dict[str, Any] = {}
        provenance: dict[str, str] = {}
        for fact, value in self._mapping.facts.always.items():
            facts[fact] = _frozen(value)
        for rule in self._mapping.facts.answers:
            value = self._look_up(rule, values=rule.values, of=f"`{rule.fact}`")
            if value is not None:
                self._state(facts, provenance, rule, _frozen(value))
        return facts, provenance

    def _state(self, facts: dict[str, Any], provenance: dict[str, str], rule: FactRule, value: Any) -> None:
        said = f"{self._header(rule.column)}: {_cut(plain(self._cell(rule.column)), 120)}"
        held = facts.get(rule.fact)
        if held is None or rule.fact in self._mapping.facts.always:
            facts[rule.fact], provenance[rule.fact] = value, _cut(said)
        elif isinstance(held, tuple) and isinstance(value, tuple):
            facts[rule.fact] = tuple(dict.fromkeys((*held, *value)))
            provenance[rule.fact] = _cut(f"{provenance[rule.fact]}; {said}")
        elif held != value:
            header = self._header(rule.column)
            self._note(f"Two answers disagree on `{rule.fact}`; the one in `{header}` does not count.")

    def _claims(self) -> dict[str, Claimed]:
        return {
            check.name: self._claim(check)
            for check in self._mapping.checks
            if all(self._holds(one) for one in check.asked_if)
        }

    def _claim(self, check: CheckRule) -> Claimed:
        cell = self._cell(check.column)
        said = _cut(self._said(check.column)) or None
        known = {
            answer: state
            for state in ("present", "planned", "waived", "absent")
            for answer in getattr(check, state)
        }
        found, state = answers.find(cell, known, match=check.match)
        if not found and not answers.blank(cell, self._mapping.blank):
            header, answer = self._header(check.column), _cut(said or "", 80)
            self._note(f"`{header}` says `{answer}`, which the mapping does not read.")
        return Claimed(title=check.title, kind=check.kind, state=state if found else "unknown", said=said)

    def _holds(self, condition: mappings.Condition) -> bool:
        values = dict.fromkeys(condition.any_of, True)
        return answers.find(self._cell(condition.column), values, match=condition.match)[0]

    def _answers(self) -> dict[str, str]:
        cells = self._row.cells
        held = {self._headers[place]: cells[place] for place in self._kept if place < len(cells)}
        held |= {f"column {place + 1}": cells[place] for place in range(len(self._headers), len(cells))}
        held = {header[:_LINE]: cell for header, cell in held.items() if cell.strip()}
        long = [header for header, cell in held.items() if len(cell) > _LONG]
        for header in long:
            self._note(f"`{header[:80]}` is cut after {_LONG:,} characters.", attention=True)
            held[header] = held[header][:_LONG]
        while sum(map(len, held.values())) > _ENTRY_MAX:
            header = max(held, key=lambda one: len(held[one]))
            held[header] = held[header][: len(held[header]) // 2]
            self._note(f"`{header[:80]}` is cut, for the row is too long to keep.", attention=True)
        return held


def _cut(text: str, size: int = _LINE) -> str:
    text = text.strip()
    return text if len(text) <= size else text[: size - 1].rstrip() + "…"


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def missing(rows: Iterable[RowRead], registered: Iterable[str]) -> list[str]:
    """Return the names that an earlier import brought and this one does not."""
    held = {row.name for row in rows}
    return sorted(name for name in registered if name not in held)


Problem = Callable[[str, Any], str]
"""Why a value is no answer to a fact's question; empty where it is one."""
