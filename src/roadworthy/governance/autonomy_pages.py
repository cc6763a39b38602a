"""The console's form that raises or lowers what a use case has earned."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Form, Path

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.governance import autonomy_operations
from roadworthy.governance.autonomy_http import require
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import NAME_PATTERN

router = Router(tag="console")
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]


@router.form("/use-cases/{name}/autonomy", permission="autonomy.decide")
def set_autonomy(
    tx: Tx,
    call: Call,
    name: UseCaseName,
    level: Annotated[Literal["assist", "supervise", "automate"], Form()],
    reason: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Redirect:
    """Raise a use case to a level it has earned, or lower it."""
    require(tx, call, name)
    autonomy_operations.set_level(
        tx, use_case=name, level=level, reason=clean(reason), actor=actor_of(call), now=call.now
    )
    return Redirect(f"/use-cases/{name}#autonomy", notice=f"The level it has earned is now {level}.")
