"""A small made-up list with every sort of dirt that spreadsheets grow, and a mapping for it."""

from __future__ import annotations

from datetime import date

from roadworthy.inventory.judging import Judge
from roadworthy.inventory.taking_in import TakenIn, take_in
from roadworthy.rules.queries import rulebook

AS_OF = date(2026, 11, 23)

MAPPING = """\
list_name: harbour
title: AI at the harbour office
columns:
  title: Name
  unit: Unit
  purpose: What is it for…
  why: {header: "If other, please explain", occurrence: 1}
  why_again: {header: "If other, please explain", occurrence: 2}
  stage: Stage
  impact: Rights-impacting?
  personal: Personal data?
  started: Started
  users: Users
  owner: Responsible
  review: Reviewed?
  absent: {header: A column of next year, optional: true}
entry:
  name: [title]
  told_apart_by: [unit, purpose]
  title: title
  summary: [purpose]
  unit: unit
  owners: {business: owner}
  outcome: purpose
  expected_users: users
  dates: {started: started}
  stage:
    column: stage
    values: {Idea: idea, In use: live, Retired: stopped}
  risk:
    column: impact
    match: starts
    values: {"Yes": high, "No": minimal, Not yet: null}
facts:
  always: {jurisdictions: [US], sector: [government]}
  answers:
    - {fact: personal_data, column: personal, values: {"Yes": true, "No": false}}
    - fact: legal_or_similar_effect
      column: impact
      match: starts
      values: {"Yes": true, "No": null, Not yet: null}
checks:
  - name: review
    title: Reviewed by somebody else
    kind: assessment
    column: review
    present: ["Yes"]
    planned: [Planned]
    absent: ["No"]
    asked_if:
      - {column: impact, match: starts, any_of: ["Yes"]}
"""
# As a spreadsheet would save it: `⏎` stands for a line break inside a cell.
# Its rows: a line break, quotes and a comma inside a cell; spaces, case, a last dot; a name that there is;
# the same word for word; no title and strange answers; blank; a year that was made a day; a value without a
# column; too few values; a formula.
_TEXT = """\
  Name ,Unit,"What is it for,⏎and what comes of it?","If other,  please explain","If other, please explain",\
Stage,Rights-impacting?,Personal data?,Started,Users,Responsible,Reviewed?,
Berth planner,Quay,"Plans berths,⏎""quickly"", saves 20 hours a week",,,\
In use,"Yes - both",YES,10/1/2024,"about 1,200",Ada Lindqvist,Yes,
Crane watch,Quay,Finds cracks,N/A,n/a,In  use ,Yes,yes.,2024-10-01,12,,no,
Berth planner,Fish hall,Plans stalls,,,In use,No,No,Oct 2024,N/A,,Not Applicable,
Crane watch,Quay,Finds cracks,N/A,n/a,In  use ,Yes,yes.,2024-10-01,12,,no,
,Quay,Nobody knows,,,Maybe,Perhaps,Sometimes,soon,many,,later,
,,,,,,,,,,,,
Tide café bot,Office,Answers – politely,,,Idea,Not yet decided,N/A,7/16/1905,1 to 2,Bo,,
Overfull,Office,Too much,,,Idea,No,No,1-Oct-24,3,Bo,,,,lost and found
Short,Office,Too little,,,Idea
=cmd|' /C calc'!A1,Office,A formula,,,Retired,No,No,45566,3,Bo,,
"""
LIST = _TEXT.replace("\n", "\r\n").replace("⏎", "\r\n").encode("cp1252")
ROWS = _TEXT.count("\n") - 1


def judge() -> Judge:
    """Return who decides, by the shipped rules."""
    return Judge(rulebook(), as_of=AS_OF)


def taken(content: bytes = LIST, mapping: str = MAPPING) -> TakenIn:
    """Take in a list."""
    return take_in(content, mapping_text=mapping, mapping_file="m.yaml", judge=judge())
