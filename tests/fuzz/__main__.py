"""`python -m fuzz FIRST LAST FOLDER KIND ...`, in tests/: damaged files of kinds; those with a fault go to FOLDER."""

from __future__ import annotations

import faulthandler
import sys
import tempfile
from pathlib import Path

from fuzz.kinds import KINDS
from fuzz.trial import Trials

_STUCK_S = 300  # what is in C does not hear the alarm


def go_through(name: str, first: int, last: int, kept: Path) -> str:
    """Read the files of a kind; what came of them in one line."""
    ends = {"read": 0, "refused": 0, "fault": 0}
    seconds, slowest, largest = 0.0, (0.0, 0), (0.0, 0)
    with tempfile.TemporaryDirectory() as place:
        trials = Trials(name, KINDS[name], Path(place))
        trials.read_whole()
        for number in range(first, last):
            faulthandler.dump_traceback_later(_STUCK_S, exit=True)
            found = trials.outcome(number)
            ends["fault" if found.fault else "refused" if found.said else "read"] += 1
            seconds += found.seconds
            slowest, largest = max(slowest, (found.seconds, number)), max(largest, (found.megabytes, number))
            if found.fault:
                print(f"--- {name} {number} {found.victim}: {found.fault}", flush=True)
                kept.mkdir(parents=True, exist_ok=True)
                (kept / f"{name}-{number}-{Path(found.victim).name}").write_bytes(trials.damaged(number))
    faulthandler.cancel_dump_traceback_later()
    counts = ", ".join(f"{count} {end}" for end, count in ends.items())
    return (
        f"{name} {first}:{last}: {counts}; {seconds:.1f} s of CPU, "
        f"the slowest {slowest[0]:.2f} s (number {slowest[1]}), at most {largest[0]:.0f} MB (number {largest[1]})"
    )


if __name__ == "__main__":
    for name in sys.argv[4:] or KINDS:
        print(go_through(name, int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])), flush=True)
