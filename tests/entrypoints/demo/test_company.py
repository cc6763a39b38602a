"""The fictional company is well formed on whatever day the demo starts."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.entrypoints.demo import company, seed
from roadworthy.entrypoints.demo.place import is_sample
from roadworthy.main import SLICES
from roadworthy.registry import manifest
from roadworthy.registry.assembly import assemble
from roadworthy.registry.kinds import ROOT_NAMESPACE, references
from roadworthy.registry.operations import Wanted, read_documents

PORTS = {"model-port": 8082, "dead-port": 9}
TODAY = date(2026, 11, 23)
FILES = ("10-people.yaml", "11-administrator.yaml", *(name for name, _person in seed.DECLARED_BY))
ASSEMBLY = assemble(SLICES)


def _declared(today: date) -> list[Wanted]:
    texts = [company.manifest(name, today=today, ports=PORTS) for name in FILES]
    read = [one for each in texts for one in manifest.parse(each["text"], file=each["file"])]
    return read_documents(ASSEMBLY, read)


@pytest.fixture(scope="module")
def declared() -> dict[tuple[str, str], Any]:
    """Give the company's resources by kind and name."""
    return {(one.resource.kind, one.resource.name): one.resource for one in _declared(TODAY)}


def test_every_file_is_declared_by_somebody() -> None:
    """A file that nobody applies would be dead weight."""
    assert sorted(FILES) == sorted(path.name for path in company.FOLDER.glob("*.yaml"))


@settings(max_examples=12)
@given(st.dates(date(2026, 11, 1), date(2040, 12, 31)))
def test_holds_on_any_day(today: date) -> None:
    """Days are counted from the day the demo starts, so that it never looks stale nor breaks a rule."""
    found = {(one.resource.kind, one.resource.name): one.resource.spec for one in _declared(today)}
    for (kind, _name), spec in found.items():
        if kind == "ServiceAccount":
            assert today < spec.expires_on < today + timedelta(days=731)
        if kind == "Outcome":
            assert spec.baseline.to < today < spec.horizon


def test_everything_is_marked_as_sample(declared: dict[tuple[str, str], Any]) -> None:
    """Purging tells the demo's resources from somebody's own by this label."""
    assert [key for key, one in declared.items() if not is_sample(one.metadata.labels)] == []


def test_every_reference_leads_somewhere(declared: dict[tuple[str, str], Any]) -> None:
    """No declaration names what nobody declares."""
    broken = [
        (key, kind, name)
        for key, one in declared.items()
        for _path, kind, name in references(one.spec)
        if (kind, name) not in declared and name != ROOT_NAMESPACE
    ]
    broken += [
        (key, "Unit", one.metadata.namespace)
        for key, one in declared.items()
        if one.metadata.namespace != ROOT_NAMESPACE and ("Unit", one.metadata.namespace) not in declared
    ]
    assert broken == []


def test_there_is_a_dozen_use_cases_in_every_stage(declared: dict[tuple[str, str], Any]) -> None:
    """The console has something of everything to show."""
    stages = Counter(one.spec.stage for (kind, _name), one in declared.items() if kind == "UseCase")
    assert sum(stages.values()) >= 12
    assert set(stages) == {"idea", "pilot", "live", "stopped"}
    assert sum(kind == "Person" for kind, _name in declared) >= 14
    assert sum(kind == "Outcome" for kind, _name in declared) >= 10


def test_the_story_names_what_is_declared(declared: dict[tuple[str, str], Any]) -> None:
    """Decisions, keys, figures and calls are about people and things of this company."""
    for row in company.story("decisions"):
        assert ("UseCase", row["use_case"]) in declared
        assert ("Person", row["person"]) in declared
    accounts = set()
    for row in company.story("keys"):
        account = declared["ServiceAccount", row["account"]]
        assert row["use_case"] in account.spec.use_cases
        accounts.add(row["account"])
    for row in company.story("calls"):
        assert row["account"] in accounts
        assert ("Model", row["model"]) in declared or ("Route", row["model"]) in declared or row["model"]
    for row in company.story("measured"):
        assert ("Outcome", row["outcome"]) in declared
        assert ("Metric", row["metric"]) in declared


@given(st.dates(date(2026, 11, 1), date(2040, 12, 31)))
def test_a_year_of_whole_weeks(today: date) -> None:
    """Each measured metric has 52 weeks, which begin on Mondays and are over."""
    for row in company.story("measured"):
        figures = company.weekly(row["metric"], today=today)
        days = [day for day, _value in figures]
        assert len(figures) == 52
        assert days == [days[0] + timedelta(weeks=week) for week in range(52)]
        assert days[0].weekday() == 0
        assert days[-1] + timedelta(days=6) < today + timedelta(days=1)
