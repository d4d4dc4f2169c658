"""Kinetics and swaps of one model against each other: SRO of `refractory` at equilibrium, NbMoTa, 1,024 sites.

    python docs/equilibrium.py --temperatures 1200,2000

A model with detailed balance has one equilibrium, whichever way it is reached. Independent chains of SwapMC give
delta and the states from which as many runs of VacancyKMC start; if both have the same law, the time average of the
KMC stays where it is. Errors are from chain to chain: within one run delta moves too slowly for blocks to tell.
"""

from __future__ import annotations

import numpy as np
import typer
from numpy.typing import NDArray

from asemacro.barriers import load_barriers
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
from asemacro.observables.alloy import WarrenCowley


def mean_and_error(chains: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over independent chains (n, d) and its standard error."""
    return chains.mean(axis=0), chains.std(axis=0, ddof=1) / np.sqrt(len(chains))


def compare(name: str, temperature_K: float, hops: int, sweeps: int, streams: list[np.random.Generator]) -> None:
    """Print the two equilibria at one temperature."""
    lattice = Lattice.bcc(3.24, ("Nb", "Mo", "Ta"), 8)
    model = load_barriers(name)
    sro = WarrenCowley(lattice.species, shells=1)
    swap, kmc = SwapMC(lattice, model, temperature_K), VacancyKMC(lattice, model, temperature_K)

    def observe(x: NDArray[np.int8]) -> NDArray[np.float64]:
        return sro(x, lattice)[0]

    by_swaps, by_hops, done, clamped = [], [], 0, []
    for rng in streams:
        start = lattice.random_state(vacancies=1, rng=rng)
        grid = np.arange(sweeps // 3, sweeps + 1, 2)
        swaps = swap.run(start, record_sweeps=grid, observe=observe, rng=rng)
        by_swaps.append(swaps.record.mean(axis=0))
        per_hop = kmc.run(swaps.x, hops=hops // 10, rng=rng)
        times = np.linspace(0, 10 * per_hop.time_s, 1001)[1:]
        run = kmc.run(swaps.x, record_times_s=times, observe=observe, rng=rng)
        by_hops.append(run.record.mean(axis=0))
        done += run.hops
        clamped.append(run.clamped_fraction)
    (a, a_error), (b, b_error) = mean_and_error(np.array(by_swaps)), mean_and_error(np.array(by_hops))
    print(
        f"{name}, {temperature_K:g} K, {len(streams)} chains: {len(streams) * sweeps} sweeps; {done} hops, "
        f"barriers at their bound {np.mean(clamped):.1e}"
    )
    for k, pair in enumerate(sro.labels):
        apart = (b[k] - a[k]) / np.hypot(a_error[k], b_error[k])
        print(
            f"  delta {pair}: swaps {a[k]:.4f} +- {a_error[k]:.4f}, kinetics {b[k]:.4f} +- {b_error[k]:.4f}, "
            f"apart {apart:+.1f} standard errors",
            flush=True,
        )


def main(
    barriers: str = "refractory",
    temperatures: str = "1200,2000",
    chains: int = 12,
    hops: float = 3e5,
    sweeps: int = 600,
    seed: int = 0,
) -> None:
    """Compare both; hops and sweeps are those of each chain."""
    for temperature in map(float, temperatures.split(",")):
        streams = np.random.default_rng([seed, int(temperature)]).spawn(chains)
        compare(barriers, temperature, int(hops), sweeps, streams)


if __name__ == "__main__":
    typer.run(main)
