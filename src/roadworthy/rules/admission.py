"""What rules have to say to a plan: packs that may not be installed."""

from __future__ import annotations

from collections.abc import Iterator

from roadworthy.foundation.errors import Issue
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry.slice import Proposal
from roadworthy.rules.kinds import PolicyPack
from roadworthy.rules.overlay import overlaid, pack_problems
from roadworthy.rules.packs import shipped


def check_pack(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a pack with a broken, untested or idle rule, and one that would loosen what is shipped."""
    if proposal.after is None or not isinstance(proposal.after.spec, PolicyPack):
        return
    name = proposal.after.name
    if any(pack.name == name for pack in shipped().packs):
        yield Issue(f"`{name}` is the name of a shipped pack.", "Choose another name.", "metadata.name")
    others = {one.name: one.spec for one in proposal.world.all("PolicyPack") if one.name != name}
    for problem in pack_problems(name, proposal.after.spec, overlaid(shipped(), others)):
        yield Issue(f"The pack cannot be installed: {problem}.", _FIX, "spec.rules")


_FIX = "`roadworthy rules check FILE` tries a pack without a server and proposes fixtures."
