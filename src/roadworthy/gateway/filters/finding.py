"""Pure: something found in a text, and what is done about it."""

from __future__ import annotations

import msgspec

from roadworthy.gateway.filter_rules import Rule
from roadworthy.gateway.filters.reading import Span
from roadworthy.gateway.filters.recogniser import Recogniser


class Found(msgspec.Struct, frozen=True, gc=False):
    """Something found in a text, and the rule that says what is done about it."""

    span: Span
    recogniser: Recogniser
    rule: Rule
    action: str
