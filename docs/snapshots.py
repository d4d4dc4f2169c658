"""Errors of snapshots of the 2D Ising model after 0, 1, 2, 3 doublings of 16^2, against direct ones of the same size.

    python docs/snapshots.py [--states critical,equilibrium,transient]

writes the rows of these states into snapshots.csv beside itself: at T = 2.27 and, with h = 0.1, at T = 2.5 in
equilibrium and 5 units of time after a start with M = -0.4, the order, domain walls and scatter of the snapshots, and
what they are about to do (mean drifts by exact moments of all spins, rate at which <M^2> ages), with standard errors.
About 3 minutes of CPU time.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import typer

import asemacro as am
from asemacro.macro.density_fit import ageing
from asemacro.studies.paper.critical import FULL, PHI, REPORTED, SMALL, calibrate, chunks, drawn, grow, system_of
from asemacro.upsampling.replication import relax_patches

STATES = ("critical", "equilibrium", "transient")
COUNTS = {16: 4000, 32: 4000, 64: 3000, 128: 1500}
WARM, FIELD, AGE, START, SETTLE = 2.5, 0.1, 5.0, -0.4, 200.0
CRITICAL_RELAX, WARM_RELAX = FULL.relax, {"equilibrium": 2.0, "transient": 0.5}
COLUMNS = ["state", "snapshots", "doublings", "L", "M", "M_err", "rho", "rho_err", "chi", "chi_err", "dM/dt"]
COLUMNS += ["dM/dt_err", "drho/dt", "drho/dt_err", "ageing_M2", "ageing_M2_err"]
PATCH = SMALL * SMALL
LABELLED = 1 << 23  # sites of states whose moments are summed


def measure(system, parts, critical: bool, rng) -> list[float]:  # type: ignore[no-untyped-def]
    """M (|M| at T_c), rho and chi of states that come in parts, their mean drifts, ageing of M^2; with errors."""
    n = system.lattice.n_sites
    z = np.concatenate([PHI(x, system.lattice) for x in parts])
    moments = am.patch_moments(system, parts[0][: LABELLED // n], PHI, rng=rng)
    m, rho = np.abs(z[:, 0]) if critical else z[:, 0], z[:, 1]
    square = (m - m.mean()) ** 2
    root = np.sqrt(len(m))
    found = ageing(moments, centre=[0.0, rho.mean()] if critical else None)
    values = [m.mean(), m.std() / root, rho.mean(), rho.std() / root, n * square.mean(), n * square.std() / root]
    for k in range(2):
        values += [found.drift[k], found.drift_error[k]]
    return [*values, found.square[0], found.square_error[0]]


def warm_states(side: int, count: int, state: str, rng):  # type: ignore[no-untyped-def]
    """Direct states at T = 2.5 with a field: long after a start at M = 1, or some time after one at M = -0.4."""
    system = am.Ising(am.Lattice.square(1.0, "X", side), WARM, field=FIELD)
    start, time = (1.0, SETTLE) if state == "equilibrium" else (START, AGE)
    x = am.random_spins(system.lattice, start, count, rng=rng)
    return system, system.evolve(x, time, rng=rng)[0]


def restoring_flips(rho: float) -> float:
    """Probability of flips that gives doubled states, which have rho / 2, the domain walls rho of the small ones.

    A bond of a doubled state with correlation g has g (1 - 2 p)^2 after flips, g = 1 - 2 rho.
    """
    return float(0.5 * (1 - np.sqrt(max(0.0, (1 - 2 * rho) / (1 - rho)))))


def warm_ways(state: str, rng) -> dict[str, Callable]:  # type: ignore[no-untyped-def, type-arg]
    """Ways to make states of a side at T = 2.5 from states of 16^2."""
    relax = WARM_RELAX[state]
    small, x = warm_states(SMALL, 2000, state, rng)
    p = restoring_flips(float(PHI(x, small.lattice)[:, 1].mean()))

    def replicated(flips: float):  # type: ignore[no-untyped-def]
        def make(side: int, count: int):  # type: ignore[no-untyped-def]
            _, cells = warm_states(SMALL, count, state, rng)
            copies = (side // SMALL) ** 2
            return am.replicate(small, cells, copies, count, rng=rng, flips=flips, relax=relax, patch=PATCH)

        return make

    def tiled(side: int, count: int):  # type: ignore[no-untyped-def]
        copies = (side // SMALL) ** 2
        _, cells = warm_states(SMALL, 4000, state, rng)
        big, x = am.mosaic(small, cells, copies, count, rng=rng)
        return big, relax_patches(big, x, relax if copies > 1 else 0.0, PATCH, rng=rng)

    return {"replicate": replicated(0.0), f"replicate + flips {p:.3f}": replicated(p), "mosaic": tiled}


def critical_ways(rng) -> dict[str, Callable]:  # type: ignore[no-untyped-def, type-arg]
    """Ways to make states of a side at T = 2.27 from states of 16^2."""
    doubling = calibrate(FULL, rng=rng)
    bare = dataclasses.replace(doubling, line=np.zeros(2))

    def grown(some):  # type: ignore[no-untyped-def]
        def make(side: int, count: int):  # type: ignore[no-untyped-def]
            return system_of(side, REPORTED), grow(some, side, REPORTED, count, CRITICAL_RELAX, rng=rng)

        return make

    def tiled(side: int, count: int):  # type: ignore[no-untyped-def]
        copies = (side // SMALL) ** 2
        big, x = am.mosaic(system_of(SMALL, REPORTED), drawn(SMALL, REPORTED, 4000, rng=rng), copies, count, rng=rng)
        return big, relax_patches(big, x, CRITICAL_RELAX if copies > 1 else 0.0, PATCH, rng=rng)

    return {"replicate": grown(bare), f"replicate + flips {doubling.line[0]:.3f}": grown(doubling), "mosaic": tiled}


def rows_of(state: str) -> list[list[str]]:
    """All snapshots of a state, direct ones first at each size."""
    rng, table = np.random.default_rng(0), []
    critical = state == "critical"
    ways = critical_ways(rng) if critical else warm_ways(state, rng)
    for level, (side, count) in enumerate(COUNTS.items()):
        number = count if critical else count // 4
        if critical:
            parts = [drawn(side, REPORTED, some, rng=rng) for some in chunks(number, side)]
            found = {"direct": (system_of(side, REPORTED), parts)}
        else:
            system, x = warm_states(side, number, state, rng)
            found = {"direct": (system, [x])}
        for name, make in ways.items() if level else ():
            made = [make(side, some) for some in chunks(number, side)]
            found[name] = made[0][0], [x for _, x in made]
        for name, (system, parts) in found.items():
            values = measure(system, parts, critical, rng)
            table.append([state, name, str(level), str(side), *(f"{v:.4g}" for v in values)])
            print(*table[-1], flush=True)
    return table


def main(states: str = ",".join(STATES)) -> None:
    """Make, measure, write; rows of other states stay as they are."""
    path = Path(__file__).with_name("snapshots.csv")
    old = list(csv.reader(path.open()))[1:] if path.exists() else []
    rows = {s: rows_of(s) if s in states.split(",") else [row for row in old if row[0] == s] for s in STATES}
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row for s in STATES for row in rows[s])


if __name__ == "__main__":
    typer.run(main)
