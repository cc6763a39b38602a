"""Plan, apply, history, rollback: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from roadworthy.foundation.errors import ConflictError, InvalidError, Issue, StaleError
from roadworthy.registry import audit, manifest, operations, queries
from roadworthy.registry.actor import Actor
from roadworthy.registry.plan import to_json
from roadworthy.registry.slice import Proposal
from roadworthy.testing.estate import ADA, NOW, declare, planned
from tests.registry.conftest import BOOK, SHELF, UNIT, Estate

SHELF_TEXT = """\
apiVersion: roadworthy/v1
kind: Shelf
metadata: {name: top}
spec: {title: Top shelf}
"""
BOOK_TEXT = """\
apiVersion: roadworthy/v1
kind: Book
metadata:
  name: moby
spec:
  title: Moby Dick
  shelf: top
  pages: 600
"""
BOTH = BOOK_TEXT + "---\n" + SHELF_TEXT


def test_applies_what_was_planned_with_what_others_refer_to_first(estate: Estate) -> None:
    """Documents may stand in any order; the shelf is saved before the book on it."""
    applied = declare(estate.database, estate.assembly, BOTH)

    assert [(one.ref, one.action, one.generation) for one in applied] == [
        ("shelf/top", "create", 1),
        ("book/moby", "create", 1),
    ]
    with estate.database.read() as tx:
        stored = queries.get(tx, BOOK, "moby")
        assert stored.spec.pages == 600
        assert stored.source == "t.yaml:1"
        assert audit.size(tx) == 2


def test_a_second_apply_of_the_same_text_changes_nothing(estate: Estate) -> None:
    """Declaring is idempotent: no version, no audit entry."""
    declare(estate.database, estate.assembly, BOTH)
    assert declare(estate.database, estate.assembly, BOTH) == ()
    with estate.database.read() as tx:
        assert audit.size(tx) == 2


def test_a_plan_names_each_field_that_changes(estate: Estate) -> None:
    """The difference is by field, before and after."""
    declare(estate.database, estate.assembly, BOTH)
    with estate.database.read() as tx:
        plan = planned(tx, estate.assembly, BOOK_TEXT.replace("600", "635"))

    (change,) = plan.changes
    assert change.action == "update"
    assert [(one.path, one.before, one.after) for one in change.fields] == [("spec.pages", 600, 635)]


def test_a_stale_plan_is_refused_and_says_what_moved(estate: Estate) -> None:
    """Somebody else changed the book between plan and apply."""
    declare(estate.database, estate.assembly, BOTH)
    with estate.database.read() as tx:
        document = to_json(planned(tx, estate.assembly, BOOK_TEXT.replace("600", "635")))
    bob = Actor("person/bob", "cli")
    declare(estate.database, estate.assembly, BOOK_TEXT.replace("600", "601"), actor=bob)

    with pytest.raises(StaleError) as caught, estate.database.write() as tx:
        operations.apply(tx, estate.assembly, document=document, actor=ADA, now=NOW)

    assert (
        "book/moby was at generation 1 when planned and is at 2 now, changed by person/bob"
        in caught.value.why
    )
    assert caught.value.why.endswith("What moved: spec.pages: 600 → 601.")
    with estate.database.read() as tx:
        assert queries.get(tx, BOOK, "moby").spec.pages == 601


def test_a_plan_is_stale_when_something_it_refers_to_has_moved(estate: Estate) -> None:
    """The shelf was part of what the plan was decided on."""
    declare(estate.database, estate.assembly, BOTH)
    with estate.database.read() as tx:
        document = to_json(planned(tx, estate.assembly, BOOK_TEXT.replace("600", "635")))
    declare(estate.database, estate.assembly, SHELF_TEXT.replace("Top shelf", "Lower shelf"))

    with pytest.raises(StaleError, match="nothing was changed"), estate.database.write() as tx:
        operations.apply(tx, estate.assembly, document=document, actor=ADA, now=NOW)


def test_an_edited_plan_is_refused(estate: Estate) -> None:
    """A plan carries a digest over everything in it."""
    with estate.database.read() as tx:
        document = to_json(planned(tx, estate.assembly, BOTH))
    document["changes"][0]["document"]["spec"]["title"] = "Sneaked in"

    with pytest.raises(InvalidError, match="not a plan as it was written"), estate.database.write() as tx:
        operations.apply(tx, estate.assembly, document=document, actor=ADA, now=NOW)


def test_names_every_problem_with_file_line_field_and_fix(estate: Estate) -> None:
    """One answer lists all that is wrong, so that it is corrected in one go."""
    bad = (
        BOOK_TEXT.replace("  shelf: top\n", "").replace("pages: 600", "pages: many")
        + "---\n"
        + SHELF_TEXT
        + "  x: 1\n"
    )
    with pytest.raises(InvalidError) as caught, estate.database.read() as tx:
        planned(
            tx,
            estate.assembly,
            bad.replace("spec: {title: Top shelf}\n  x: 1", "spec: {title: Top shelf, x: 1}"),
        )

    found = {(issue.field, issue.line) for issue in caught.value.issues}
    assert found == {("spec.shelf", 5), ("spec.pages", 7), ("spec.x", 12)}
    missing = next(issue for issue in caught.value.issues if issue.field == "spec.shelf")
    assert (missing.message, missing.fix) == ("`shelf` is required.", "Add `shelf` under `spec`.")


def test_a_reference_to_nothing_is_refused_at_its_line(estate: Estate) -> None:
    """The book stands on a shelf that nobody declared."""
    with pytest.raises(InvalidError) as caught, estate.database.read() as tx:
        planned(tx, estate.assembly, BOOK_TEXT)

    (issue,) = caught.value.issues
    assert (issue.file, issue.line, issue.field) == ("t.yaml", 7, "spec.shelf")
    assert issue.message == "There is no Shelf called `top`."


def test_the_same_name_twice_is_refused(estate: Estate) -> None:
    """Which of the two would count?"""
    with pytest.raises(InvalidError) as caught, estate.database.read() as tx:
        planned(tx, estate.assembly, SHELF_TEXT + "---\n" + SHELF_TEXT)

    assert "stands twice, first at t.yaml:1" in caught.value.issues[0].message


def test_what_is_still_referred_to_cannot_be_deleted(estate: Estate) -> None:
    """Deleting the shelf under the book is refused; deleting both is not."""
    declare(estate.database, estate.assembly, BOTH)
    with pytest.raises(InvalidError) as caught, estate.database.read() as tx:
        operations.plan(tx, estate.assembly, removals=[(SHELF, "top")], managed_by="file", actor=ADA, now=NOW)
    assert "still referred to by Book moby (spec.shelf)" in caught.value.issues[0].message

    with estate.database.write() as tx:
        both = [(SHELF, "top"), (BOOK, "moby")]
        plan = operations.plan(tx, estate.assembly, removals=both, managed_by="file", actor=ADA, now=NOW)
        applied = operations.save(tx, estate.assembly, plan, actor=ADA, now=NOW)
    assert [one.ref for one in applied] == ["book/moby", "shelf/top"]


def test_each_resource_has_one_owner(estate: Estate) -> None:
    """What a file manages, the console may not change, until it is taken over."""
    declare(estate.database, estate.assembly, BOTH)
    changed = BOOK_TEXT.replace("600", "601")
    with pytest.raises(InvalidError) as caught, estate.database.read() as tx:
        planned(tx, estate.assembly, changed, managed_by="console")
    assert "is managed by file (t.yaml:1), so console may not change it" in caught.value.issues[0].message

    declare(estate.database, estate.assembly, changed, managed_by="console", adopt=True)
    with estate.database.read() as tx:
        assert queries.get(tx, BOOK, "moby").managed_by == "console"


def test_rollback_declares_the_old_version_again(estate: Estate) -> None:
    """Both stay in the history; the generation only grows."""
    declare(estate.database, estate.assembly, BOTH)
    declare(estate.database, estate.assembly, BOOK_TEXT.replace("600", "601"))
    with estate.database.write() as tx:
        operations.rollback(tx, estate.assembly, kind=BOOK, name="moby", generation=1, actor=ADA, now=NOW)
    with estate.database.read() as tx:
        assert queries.get(tx, BOOK, "moby").spec.pages == 600
        past = queries.history(tx, BOOK, "moby")
        assert [(one["generation"], one["changed"]) for one in past][:2] == [
            (3, ["spec.pages"]),
            (2, ["spec.pages"]),
        ]
        assert audit.entries(tx, limit=1)[0]["action"] == "rolled-back"


def test_a_name_made_again_continues_its_generations(estate: Estate) -> None:
    """A plan made on the deleted one cannot apply to the new one."""
    declare(estate.database, estate.assembly, SHELF_TEXT)
    with estate.database.write() as tx:
        plan = operations.plan(
            tx, estate.assembly, removals=[(SHELF, "top")], managed_by="file", actor=ADA, now=NOW
        )
        operations.save(tx, estate.assembly, plan, actor=ADA, now=NOW)
    (again,) = declare(estate.database, estate.assembly, SHELF_TEXT)
    assert again.generation == 3


def test_admission_checks_of_higher_slices_are_asked_and_placed(estate: Estate) -> None:
    """What a check says against a change gets the file and line of its field."""

    def no_long_books(_tx: object, proposal: Proposal) -> list[Issue]:
        spec = proposal.after.spec if proposal.after else None
        too_long = getattr(spec, "pages", 0) > 500
        return [Issue("Too long.", "Cut it.", "spec.pages")] if too_long else []

    strict = replace(estate.assembly, admission=(no_long_books,))
    with pytest.raises(InvalidError) as caught, estate.database.read() as tx:
        planned(tx, strict, BOTH)
    assert (caught.value.issues[0].line, caught.value.issues[0].message) == (8, "Too long.")


def test_export_then_apply_is_a_no_op(estate: Estate) -> None:
    """What was exported declares what is there."""
    declare(
        estate.database, estate.assembly, BOTH + "---\n" + BOOK_TEXT.replace("moby", "no").replace("600", "7")
    )
    with estate.database.read() as tx:
        documents = [
            ("", one.resource.manifest()) for one in queries.everything(tx, estate.assembly.catalogue)
        ]
        plan = planned(tx, estate.assembly, manifest.source_text(documents))
    assert plan.is_empty


def test_erasure_needs_deletion_first_and_keeps_who_and_when(estate: Estate) -> None:
    """A deleted resource's content goes; its place in history and log stays."""
    declare(estate.database, estate.assembly, SHELF_TEXT)
    with pytest.raises(ConflictError), estate.database.write() as tx:
        operations.erase(tx, kind=SHELF, name="top", reason="asked to", actor=ADA, now=NOW)
    with estate.database.write() as tx:
        plan = operations.plan(
            tx, estate.assembly, removals=[(SHELF, "top")], managed_by="file", actor=ADA, now=NOW
        )
        operations.save(tx, estate.assembly, plan, actor=ADA, now=NOW)
        assert operations.erase(tx, kind=SHELF, name="top", reason="asked to", actor=ADA, now=NOW) == 2
    with estate.database.read() as tx:
        assert [one["erased"] for one in queries.history(tx, SHELF, "top")] == [False, True]
        assert all(one["content"] is None for one in audit.entries(tx)[1:])


def test_paging_by_name_neither_skips_nor_repeats_under_inserts(estate: Estate) -> None:
    """A name that arrives between two pages changes nothing else."""
    for number in range(0, 20, 2):
        declare(estate.database, estate.assembly, SHELF_TEXT.replace("top", f"s{number:02}"))
    seen: list[str] = []
    cursor = ""
    for turn in range(10):
        with estate.database.read() as tx:
            items, cursor = queries.page(tx, SHELF, after=cursor, limit=3)
        seen += [one.name for one in items]
        declare(estate.database, estate.assembly, SHELF_TEXT.replace("top", f"s{turn:02}x"))
        if not cursor:
            break
    assert len(seen) == len(set(seen))
    assert {f"s{number:02}" for number in range(0, 20, 2)} <= set(seen)


def test_a_unit_that_owns_something_cannot_be_deleted(estate: Estate) -> None:
    """What it owns would belong to nobody."""
    unit = SHELF_TEXT.replace("kind: Shelf", "kind: Unit").replace("name: top", "name: ops")
    owned = SHELF_TEXT.replace("{name: top}", "{name: top, namespace: ops}")
    declare(estate.database, estate.assembly, unit + "---\n" + owned)
    with pytest.raises(InvalidError) as caught, estate.database.read() as tx:
        operations.plan(tx, estate.assembly, removals=[(UNIT, "ops")], managed_by="file", actor=ADA, now=NOW)
    assert caught.value.issues[0].message == "Unit ops still owns Shelf top."


def test_what_follows_from_a_plan_is_said_once_where_it_belongs(estate: Estate) -> None:
    """Every change brings the same thing about; it stands at the resource it is about."""

    def follows(_tx: object, _proposal: Proposal) -> list[str]:
        return ["book/moby can be read now", "the library opens"]

    told = replace(estate.assembly, effects=(follows,))
    with estate.database.read() as tx:
        plan = planned(tx, told, BOTH)
    assert {change.ref: change.effects for change in plan.changes} == {
        "shelf/top": ("the library opens",),
        "book/moby": ("book/moby can be read now",),
    }
