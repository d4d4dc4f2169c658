"""`nbmota` against the network it was distilled from: order after the same hops from the same starts.

    python docs/teacher.py WEIGHTS.npz

NbMoTa, 1,024 sites, 1 vacancy, 8 seeds. Prints delta of the unlike pairs averaged over the second half of the hops,
each state weighted by its residence time, for both networks, and the difference with its standard error.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

import asemacro as am
from asemacro.barriers import BarrierModel

HOPS = {2000.0: 60_000, 1000.0: 200_000, 800.0: 400_000}
SEEDS = 8


def order(model: BarrierModel, temperature_K: float, hops: int) -> NDArray[np.float64]:
    """(seeds, 3) time-averaged delta of the unlike pairs in the second half of the hops."""
    lattice = am.Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], 8)
    sro = am.WarrenCowley(lattice.species)
    kmc = am.VacancyKMC(lattice, model, temperature_K)
    marks = np.linspace(hops // 2, hops, 200).astype(int)
    means = []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        start = lattice.random_state(rng=rng)
        run = kmc.run(start, record_hops=marks, observe=lambda x: sro(np.atleast_2d(x), lattice)[0], rng=rng)
        means.append(np.average(run.record, axis=0, weights=run.record_residence_s))
    return np.array(means)


def main() -> None:
    """Print the table."""
    student, teacher = am.load_barriers("nbmota"), am.load_barriers(sys.argv[1])
    print("T (K)  hops    pair   nbmota            teacher           difference")
    for temperature, hops in HOPS.items():
        a, b = order(student, temperature, hops), order(teacher, temperature, hops)
        for k, pair in enumerate(("Nb-Mo", "Nb-Ta", "Mo-Ta")):
            cells = [f"{m[:, k].mean():+.3f} +- {m[:, k].std(ddof=1) / np.sqrt(SEEDS):.3f}" for m in (a, b)]
            gap = a[:, k].mean() - b[:, k].mean()
            error = np.hypot(a[:, k].std(ddof=1), b[:, k].std(ddof=1)) / np.sqrt(SEEDS)
            print(f"{temperature:5g}  {hops:6d}  {pair}  {cells[0]}  {cells[1]}  {gap:+.3f} +- {error:.3f}")


if __name__ == "__main__":
    main()
