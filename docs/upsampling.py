"""Ways of making 8,192-site snapshots from 1,024-site runs, against true 8,192-site runs.

    python docs/upsampling.py WEIGHTS.npz [--temperatures 2000,1000]

writes upsampling.csv beside itself: for each way and age the Mo-Ta order of the snapshots, its spread, and the drift
by partial evolution (K = 8), with standard errors. WEIGHTS.npz: plain arrays of the published network.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import typer

import asemacro as am
from asemacro.barriers.published import PublishedNetwork
from asemacro.micro.blocks import observe

PAIR = 2  # Mo-Ta
# temperature -> mean time of a hop (s), ages and duration of pairs and of relaxation in units of it
SETTINGS = {2000: (1.63e-10, (2000, 8000, 30_000), 500, 2000), 1000: (2.4e-6, (3000, 30_000, 100_000), 1000, 2000)}
CELLS = {"Nb": 341, "Mo": 341, "Ta": 341, "X": 1}


def measure(system, x, phi, dt, rows, independent, rng) -> list[float]:  # type: ignore[no-untyped-def]
    """Order, its error (from so many independent snapshots), its sd, drift of Mo-Ta and its error."""
    z = observe(phi, x, system.lattice)[:, PAIR]
    chosen = x[np.arange(rows) % len(x)]
    moves = am.partial_evolution(system, chosen, [dt], 1 / 8, rng=rng)
    rate = 8 * moves.change(phi)[:, PAIR] / dt
    spread = z.std(ddof=1)
    return [z.mean(), spread / np.sqrt(independent), spread, rate.mean(), rate.std(ddof=1) / np.sqrt(rows)]


def main(weights: Path, temperatures: str = "2000,1000", rows: int = 400, seed: int = 0) -> None:
    """Sample, upsample in every way, measure."""
    model = PublishedNetwork.from_npz(weights)
    table = []
    for kelvin in map(int, temperatures.split(",")):
        hop, ages, dt, relax = SETTINGS[kelvin]
        rng = np.random.default_rng(seed)
        lattice = am.Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], 8)
        phi = am.WarrenCowley(lattice.species)
        kmc = am.VacancyKMC(lattice, model, kelvin)
        times = np.array(ages) * hop
        small = am.sample(kmc, lattice.random_state(CELLS, batch=48, rng=rng), times, rng=rng)
        big = kmc.on(lattice.repeat(2))
        start = big.lattice.random_state({s: 8 * n for s, n in CELLS.items()}, batch=12, rng=rng)
        large = am.sample(big, start, times, rng=rng)
        for t, age in enumerate(ages):
            found = {"true large runs": measure(big, large.x[:, t], phi, dt * hop, rows, 12, rng)}
            one = type(small)(small.x[:, t : t + 1], small.sites[:, t : t + 1], small.times[t : t + 1])
            ways = (("blocks", am.blocks, 0), ("repeat", am.repeat, 0), ("mosaic", am.mosaic, 0))
            for name, how, pause in (*ways, (f"mosaic, relaxed {relax} hop times", am.mosaic, relax)):
                count = 48 if how is am.mosaic else 96
                system, x = am.upsample(kmc, one, 8, how, n_snapshots=count, rng=rng, relax_s=pause * hop)
                independent = 48 if how is am.repeat else 48 / 8
                found[name] = measure(system, x, phi, dt * hop, rows, independent, rng)
            for name, values in found.items():
                scaled = [*values[:3], *(v * hop * 1e5 for v in values[3:])]
                table.append([kelvin, age, name, *(f"{v:.4g}" for v in scaled)])
                print(*table[-1], flush=True)
    header = ["temperature_K", "age_hop_times", "snapshots", "order", "order_error", "sd"]
    with Path(__file__).with_name("upsampling.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "drift_1e-5_per_hop_time", "drift_error"])
        writer.writerows(table)


if __name__ == "__main__":
    typer.run(main)
