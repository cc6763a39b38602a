"""Pure: the evidence of drafts: a person decided about an answer."""

from __future__ import annotations

from typing import ClassVar

from roadworthy.drafts.draft import Form, Verdict
from roadworthy.evidence.fact import Fact


class DraftDecided(Fact):
    """A person accepted an answer as it was, accepted it with changes, or rejected it."""

    type: ClassVar[str] = "draft-decided"
    draft: str
    call: str
    use_case: str
    namespace: str
    form: Form
    verdict: Verdict
    reason: str = ""
    basis: str
    """The digest of what the answer came from: acceptance is measured for one of them alone."""
    model: str
    commitment: str = ""
    """To the answer as the person changed it, which is kept apart and deleted with the text of the call."""
