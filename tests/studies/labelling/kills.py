"""Kill `label_barriers` again and again at random moments and start it again: python kills.py DATABASE KILLS.

After each kill every label that was there before must still be there; at the end each jump is there once, and none of
those that were in the database was computed again. Prints the number of kills, of labels and of bands begun.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from asemacro.barriers.labelling.bands import BandSettings
from asemacro.barriers.labelling.database import read_labels
from asemacro.lattice.lattice import Lattice
from asemacro.studies.labelling import label as labelling
from asemacro.studies.labelling.cells import Cells
from asemacro.studies.labelling.label import label_barriers

JUMPS = 60


class Springs(Calculator):
    """A cheap pair potential: a minimum at the distance of neighbours, deeper between unlike atoms."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        r = self.atoms.get_all_distances(mic=True)
        np.fill_diagonal(r, np.inf)
        unlike = self.atoms.numbers[:, None] != self.atoms.numbers
        self.results = {
            "energy": float((np.where(unlike, 0.35, 0.3) * ((2.6 / r) ** 8 - 2 * (2.6 / r) ** 4)).sum()) / 2,
            "forces": np.zeros((len(r), 3)),
        }


def run(path: Path, log: Path) -> None:
    """One run of the labels; the names of the bands that are begun go to the log."""
    compute = labelling.compute_band

    def noted(jump, *rest):
        with log.open("a") as file:
            file.write(f"{jump.name}\n")
        return compute(jump, *rest)

    labelling.compute_band = noted
    cells = Cells(cells=4, jumps=JUMPS, sites=32, states=("random",))
    alloy = Lattice.fcc(3.7, ["Cu", "Au"], 1)
    label_barriers(alloy, Springs, path, cells=cells, settings=BandSettings(relax="none"), rng=np.random.default_rng(1))


def main(path: Path, most_kills: int) -> None:
    """Kill and start again, then let it come to its end."""
    rng = np.random.default_rng(int(os.environ.get("KILLS_SEED", "0")))
    kills, before, log = 0, set[str](), path.with_suffix(".log")
    while True:
        begun = log.read_text().splitlines() if log.exists() else []
        child = os.fork()
        if child == 0:
            run(path, log)
            os._exit(0)
        if kills < most_kills:
            _wait(child, log, len(begun), rng)
            if os.waitpid(child, os.WNOHANG)[0] == 0:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                kills += 1
        else:
            assert os.waitpid(child, 0)[1] == 0
        fresh = log.read_text().splitlines()[len(begun) :] if log.exists() else []
        assert not before & set(fresh), "a label that was there was made again"
        names = [label.name for label in read_labels(path, failed=True)] if path.exists() else []
        assert len(names) == len(set(names)), "a label is there twice"
        assert before <= set(names), "a label is lost"
        before = set(names)
        if kills == most_kills and len(before) == JUMPS:
            break
        if len(before) == JUMPS:  # done before all kills: once more from the beginning
            path.unlink()
            before = set()
    print(f"{kills} kills, {len(before)} labels, {len(log.read_text().splitlines())} bands begun")


def _wait(child: int, log: Path, begun: int, rng: np.random.Generator) -> None:
    """To a random moment: one time in four while the run begins, else while bands are computed and written."""
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
    main(Path(sys.argv[1]), int(sys.argv[2]))
