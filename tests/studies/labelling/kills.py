"""Kill `label_barriers` or `learn_barriers` again and again at random moments and start it again.

python kills.py label|learn DATABASE KILLS

After each kill every label that was there before must still be there; at the end each jump is there once, and none of
those that were in the database was computed again. Prints the number of kills, of labels and of bands begun, and the
names of the labels in one fingerprint.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
from small_loop import BCC, LOOP, TINY, Springs

from asemacro.barriers.labelling.bands import BandSettings
from asemacro.barriers.labelling.database import read_labels
from asemacro.files.content import digest
from asemacro.lattice.lattice import Lattice
from asemacro.studies.labelling import label as labelling
from asemacro.studies.labelling.cells import Cells
from asemacro.studies.labelling.closed_loop import learn_barriers
from asemacro.studies.labelling.label import label_barriers

JUMPS = {"label": 60, "learn": LOOP.budget}


def run(what: str, path: Path, log: Path) -> None:
    """One run; the names of the bands that are begun go to the log."""
    compute = labelling.compute_band

    def noted(jump, *rest):
        with log.open("a") as file:
            file.write(f"{jump.name}\n")
        return compute(jump, *rest)

    labelling.compute_band = noted
    relax, rng = BandSettings(relax="none"), np.random.default_rng(1)
    if what == "learn":
        learn_barriers(BCC, Springs, path, loop=LOOP, settings=relax, training=TINY, rng=rng)
    else:
        cells = Cells(cells=4, jumps=JUMPS[what], sites=32, states=("random",))
        label_barriers(Lattice.fcc(3.7, ["Cu", "Au"], 1), Springs, path, cells=cells, settings=relax, rng=rng)


def main(what: str, path: Path, most_kills: int) -> None:
    """Kill and start again, then let it come to its end."""
    rng = np.random.default_rng(int(os.environ.get("KILLS_SEED", "0")))
    kills, before, log = 0, set[str](), path.parent.with_suffix(".log")
    while True:
        begun = log.read_text().splitlines() if log.exists() else []
        killed, child = False, os.fork()
        if child == 0:
            run(what, path, log)
            os._exit(0)
        if kills < most_kills:
            _wait(what, child, log, len(begun), rng)
            if os.waitpid(child, os.WNOHANG)[0] == 0:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                kills, killed = kills + 1, True
        else:
            assert os.waitpid(child, 0)[1] == 0
        fresh = log.read_text().splitlines()[len(begun) :] if log.exists() else []
        assert not before & set(fresh), "a label that was there was made again"
        names = [label.name for label in read_labels(path, failed=True)] if path.exists() else []
        assert len(names) == len(set(names)), "a label is there twice"
        assert before <= set(names), "a label is lost"
        before = set(names)
        if kills == most_kills and len(before) == JUMPS[what]:
            break
        if len(before) == JUMPS[what] and not killed:  # done before all kills: once more from the beginning
            shutil.rmtree(path.parent)
            before = set()
    print(f"{kills} kills, {len(before)} labels, {len(log.read_text().splitlines())} bands begun, {digest(names)}")


def _wait(what: str, child: int, log: Path, begun: int, rng: np.random.Generator) -> None:
    """To a random moment: one time in four while the run begins, else while bands are computed and written.

    Of a loop, which does other things most of the time, any moment.
    """
    if what == "learn":
        end = time.monotonic() + rng.uniform(0.0, 6.0)
        while time.monotonic() < end and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.01)
        return
    if rng.random() < 0.25:
        time.sleep(rng.uniform(0.0, 0.3))
        return
    end = time.monotonic() + 20
    while time.monotonic() < end and not (log.exists() and len(log.read_text().splitlines()) > begun):
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.002)
    time.sleep(rng.uniform(0.0, 0.15))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
