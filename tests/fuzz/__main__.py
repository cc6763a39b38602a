"""The long run, by hand: `python -m tests.fuzz COUNT [SEED]`; exits with 1 if anything was found."""

from __future__ import annotations

import faulthandler
import sys
import time

from tests.fuzz.running import feed
from tests.fuzz.targets import TARGETS

ROUND = 20_000
HANG_S = 300


def main(arguments: list[str]) -> int:
    """Go round all targets until so many inputs were read; say where it stands after each round."""
    wanted = int(arguments[0]) if arguments else 100_000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    slowest = dict.fromkeys((one.name for one in TARGETS), 0.0)
    known: set[str] = set()
    read = 0
    began = time.monotonic()
    shares = sum(one.share for one in TARGETS)
    while read < wanted:
        size = min(ROUND, wanted - read)
        for target in TARGETS:
            faulthandler.dump_traceback_later(HANG_S, exit=True)
            outcome = feed(target, seed=seed, count=max(1, size * target.share // (shares * target.cost)))
            faulthandler.cancel_dump_traceback_later()
            read += outcome.read
            slowest[target.name] = max(slowest[target.name], outcome.slowest_s)
            for why, data in outcome.bad.items():
                if why not in known:
                    known.add(why)
                    sys.stdout.write(f"FOUND {target.name} (seed {seed}): {why}\n  {data!r}\n")
        seed += 1
        worst = max(slowest, key=slowest.__getitem__)
        took = time.monotonic() - began
        sys.stdout.write(
            f"{read} read, {len(known)} found, slowest {slowest[worst]:.3f} s ({worst}), {took:.0f} s\n"
        )
        sys.stdout.flush()
    return 1 if known else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
