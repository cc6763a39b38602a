"""The API of back-tests: a proposal tried on past calls, before it is applied."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.gateway import backtest_door
from roadworthy.gateway.backtest_door import Tryout
from roadworthy.registry import manifest

router = Router(tag="backtests")
FILES_MAX = 50
Reference = Annotated[str, Field(max_length=140)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProposedFile(_Body):
    """One file of declarations."""

    file: str = Field(default="proposal.yaml", max_length=300)
    text: Annotated[str, Field(max_length=200_000)]


class BacktestRequest(_Body):
    """What is to be tried on past calls, before it is applied."""

    files: Annotated[list[ProposedFile], Field(max_length=FILES_MAX)] = []
    """Declarations that would be new or different, of any kind."""
    remove: Annotated[list[Reference], Field(max_length=FILES_MAX)] = []
    """`kind/name` of what would no longer be declared."""
    stop: Annotated[list[Reference], Field(max_length=FILES_MAX)] = []
    """`use-case/x`, `route/x`, `model/x`, `provider/x` or `filter/x` that would be stopped."""
    pack: dict[str, Any] | None = None
    """A new version of a shipped pack of rules, as its file. A pack of your own goes into `files`."""
    days: Annotated[int, Field(ge=1, le=90)] = 7
    """How far back."""


# No transaction of the route's own: reading takes its time, and what is put into the log is short.
@router.post("/v1/backtests", permission="usage.read", access="none")
def make_backtest(call: Call, body: BacktestRequest) -> Any:
    """Decide the calls of the last days once more under a proposal, and say what differs; applies nothing."""
    files = [one for each in body.files for one in manifest.parse(each.text, file=each.file)]
    tryout = Tryout(files=files, remove=body.remove, stop=body.stop, pack=body.pack, days=body.days)
    return backtest_door.told(backtest_door.run(call, tryout), days=body.days)
