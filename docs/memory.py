"""What the order forgets, and how fast: fluctuations of NbMoTa at 2000 K, in direct runs and by equations that know
the order of one, two or three shells, or the order as it is and as it was.

    python docs/memory.py WEIGHTS.npz DIR

writes memory.csv beside this file and prints what a memory does to held-out runs. The runs are kept in DIR
(7.7 million hops; a second call takes them from there). WEIGHTS.npz: plain arrays of the published network.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import typer
from scipy.linalg import expm, logm, solve_continuous_lyapunov, solve_discrete_lyapunov

import asemacro as am
from asemacro.barriers.published import PublishedNetwork
from asemacro.closure.memory import remembered
from asemacro.labels.shrunk import pairs_from_shrunk_runs
from asemacro.labels.transitions import pairs_from_runs
from asemacro.studies.alloy.memory import best_memory
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.alloy.prediction import learn
from asemacro.studies.alloy.record import Record
from asemacro.studies.alloy.simulated import Simulated
from asemacro.typing import Floats

KELVIN, HOP_S = 2000.0, 1.63e-10  # temperature; about the mean time of a hop, the unit of all times here
EDGE, RUNS, UNTIL, SHELLS = 8, 64, 120_000.0, 3
COPIES = 8  # cells of 1,024 sites in the large system
SETTLED = 20_000.0  # from then on the runs are at equilibrium
STEP = 500.0  # of the pairs that equations are fitted to
LAGS = (250.0, 8000.0)
MEMORIES = (500.0, 1000.0, 2000.0, 4000.0, 8000.0, 16_000.0)
MEMORY = 2000.0  # of the learned equations
DRAWS = 3  # fits of each
UNLIKE, NAMES, PER_SHELL = (1, 2, 4), ("Nb-Mo", "Nb-Ta", "Mo-Ta"), 6
PARTS = 16  # of the runs, each left out once, for errors

Measured = tuple[Floats, Floats]  # sd (3,), and decay rates (2, 3) at LAGS in 1 / 1,000 hop times


def simulate_runs(model: PublishedNetwork, path: Path) -> tuple[am.Lattice, dict[str, int], Floats, Floats]:
    """The cell, its composition, times (n,) in hop times and order (RUNS, n, 18), from the file if it is there."""
    lattice = am.Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], EDGE)
    counts = {"Nb": 341, "Mo": 341, "Ta": 341, "X": 1}
    times = [0.0]
    while times[-1] < UNTIL:
        times.append(times[-1] + float(np.clip(0.03 * times[-1], 62.5, 125.0)))
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return lattice, counts, np.array(times), stored["Z"][:RUNS]
    kmc, phi = am.VacancyKMC(lattice, model, KELVIN), am.WarrenCowley(lattice.species, shells=SHELLS, pairs="all")
    rng, order = np.random.default_rng(12), []
    lattice.random_state(counts, rng=rng)  # not used; without it the runs would not be those of memory.csv
    for k in range(RUNS):
        x = lattice.random_state(counts, rng=rng)
        run = kmc.run(
            x, record_times_s=np.array(times) * HOP_S, observe=lambda s: phi(np.atleast_2d(s), lattice)[0], rng=rng
        )
        order.append(run.record)
        print(f"run {k + 1} of {RUNS}, {run.hops_per_second:.0f} hops/s", flush=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, Z=np.array(order))
    return lattice, counts, np.array(times), np.array(order)


def variables(shells: int) -> list[int]:
    """Columns of the unlike pairs of the first shells."""
    return [PER_SHELL * shell + k for shell in range(shells) for k in UNLIKE]


def direct(series: Floats, dt: float) -> Measured:
    """From stationary runs themselves, whose first three variables are the order."""
    z = series[:, :, :3] - series[:, :, :3].mean(axis=(0, 1))
    variance = (z**2).mean(axis=(0, 1))
    rates = []
    for lag in LAGS:
        stride = round(lag / dt)
        moved = ((z[:, stride:] - z[:, :-stride]) ** 2).mean(axis=(0, 1)) / 2
        rates.append(-1000 * np.log(1 - moved / variance) / (stride * dt))
    return np.sqrt(variance), np.array(rates)


def of_linear(slope: Floats, covariance: Floats) -> Measured:
    """Of dz = -A (z - a) dt + noise with the stationary covariance given, times in hop times."""
    variance = np.diag(covariance)[:3]
    kept = [np.diag(expm(-slope * lag) @ covariance)[:3] / variance for lag in LAGS]
    return np.sqrt(variance), np.array([-1000 * np.log(k) / lag for k, lag in zip(kept, LAGS, strict=True)])


def least_squares(series: Floats, dt: float) -> Measured:
    """Of the linear equation that predicts all steps of STEP best, which needs no network."""
    stride = round(STEP / dt)
    z0, z1 = (part.reshape(-1, series.shape[2]) for part in (series[:, :-stride], series[:, stride:]))
    features = np.column_stack([np.ones(len(z0)), z0])
    found = np.linalg.lstsq(features, z1, rcond=None)[0]
    rest, step = z1 - features @ found, found[1:].T
    return of_linear(-logm(step).real / STEP, solve_discrete_lyapunov(step, rest.T @ rest / len(rest)))


def with_errors(measure: Callable[[Floats, float], Measured], series: Floats, dt: float) -> tuple[Floats, Floats]:
    """(3, 3) sd and rates over those of `direct`, minus 1, and their errors; of `direct` itself the values."""

    def values(part: Floats) -> Floats:
        own, true = (np.vstack([sd, rates]) for sd, rates in (measure(part, dt), direct(part, dt)))
        return own if measure is direct else own / true - 1

    left = [values(np.delete(series, np.arange(k, len(series), PARTS), axis=0)) for k in range(PARTS)]
    return values(series), np.std(left, axis=0) * np.sqrt(PARTS - 1)


def learned(series: Floats, times_s: Floats, *, shrunk: bool, seed: int) -> Measured:
    """Of the equation with a network, fitted as `learn alloy` does, linearised at its equilibrium."""
    rng = np.random.default_rng(seed)
    if shrunk:
        pairs = pairs_from_shrunk_runs(series, times_s, COPIES, step_s=STEP * HOP_S)
    else:
        pairs = pairs_from_runs(series, times_s, COPIES, step_s=STEP * HOP_S, combinations=2, rng=rng)
    labels = [f"{k}" for k in range(series.shape[2])]
    sde = learn(pairs, labels, 1024 * COPIES, members=0, rng=rng)[0]
    late = series[:, len(times_s) // 2 :].mean(axis=(0, 1))
    _, path = am.simulate(sde, late, times_s=[60_000 * HOP_S], noise=False, rng=rng)
    slope, noise = -sde.jacobian(path[:1, -1])[0] * HOP_S, sde.diffusion(path[:1, -1])[0] * HOP_S * COPIES
    return of_linear(slope, solve_continuous_lyapunov(slope, noise))


def main(weights: Path, cache: Path) -> None:
    """Simulate, fit, compare, write."""
    lattice, counts, times, order = simulate_runs(PublishedNetwork.from_npz(weights), cache / "memory_2000.npz")
    kept = times >= SETTLED
    dt = float(np.diff(times[kept])[0])
    first = order[:, :, variables(1)]
    rows: list[tuple[object, ...]] = []

    def add(equation: str, found: Floats, errors: Floats | None = None) -> None:
        for k, pair in enumerate(NAMES):
            bars = [""] * 3 if errors is None else [f"{error:.2g}" for error in errors[:, k]]
            numbers = [text for value, bar in zip(found[:, k], bars, strict=True) for text in (f"{value:.4g}", bar)]
            rows.append((equation, pair, *numbers))
            print(*rows[-1], flush=True)

    def with_memory(memory: float) -> Floats:
        return np.concatenate([first, remembered(first, times, memory)], axis=2)

    add("direct", *with_errors(direct, first[:, kept], dt))
    for shells in range(1, SHELLS + 1):
        series = order[:, kept][:, :, variables(shells)]
        add(f"linear, {shells} shell{'s' * (shells > 1)}", *with_errors(least_squares, series, dt))
    for memory in MEMORIES:
        series = with_memory(memory)[:, kept]
        add(f"linear, 1 shell and a memory of {memory:g} hops", *with_errors(least_squares, series, dt))
    hops = np.broadcast_to(times, order.shape[:2])
    record = Record(
        KELVIN, COPIES, times * HOP_S, order[:, :, :PER_SHELL], hops, True, 5000 * HOP_S, 0, 0, 0,
        np.empty((len(order), 0)), np.nan,
    )  # fmt: skip
    table = PairTable.of(am.WarrenCowley(lattice.species, pairs="all"), counts, lattice)
    for n in (8, len(order)):
        few = Record(**{**vars(record), "order": record.order[:n], "hops": hops[:n], "log_rates": record.log_rates[:n]})
        print(f"{n} runs: {best_memory([Simulated(table=table, runs=few)]).text}", flush=True)
    true = np.vstack(direct(first[:, kept], dt))
    variants = {"1 shell": first, "2 shells": order[:, :, variables(2)], "1 shell and a memory": with_memory(MEMORY)}
    for name, series in variants.items():
        for shrunk in (False, True):
            kind = "shrunk runs" if shrunk else "blocks"
            fits = [np.vstack(learned(series, times * HOP_S, shrunk=shrunk, seed=k)) / true - 1 for k in range(DRAWS)]
            add(f"learned from {kind}, {name}", np.mean(fits, axis=0), np.std(fits, axis=0, ddof=1))
    names = ("sd", "sd_error", "rate_250", "rate_250_error", "rate_8000", "rate_8000_error")
    with (Path(__file__).parent / "memory.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("equation", "pair", *names), *rows])


if __name__ == "__main__":
    typer.run(main)
