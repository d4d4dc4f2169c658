"""Figure 8c: order of Ta-Ta over time at 2000 K for systems of 1,024 to 524,288 sites, learned from 1,024.

One SDE, learned for 8 small cells side by side; another size has the same drift and a noise scaled by its number of
sites. The paper's model of the small cell itself (n = 1,024, K = 1: no patches) is fitted to the same runs.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.figure import Figure

from asemacro.observables.alloy import WarrenCowley
from asemacro.plot import short_range_order as plot
from asemacro.plot.dynamics import mean_trajectory
from asemacro.studies.alloy.simulated import Simulated
from asemacro.studies.paper.alloy import CLOCK, SMALL, SPECIES, from_random, learn_from, run_from_random
from asemacro.studies.paper.report import Result, Row, Table
from asemacro.tasks.progress import part_of
from asemacro.tasks.streams import Streams
from asemacro.typing import Floats, Report

KELVIN, PAIR = 2000, "Ta-Ta"
SIZES = (1024, 8192, 65536, 524288)
LATE = 0.5  # of the time: from here on mean and sd are those of equilibrium
REACHED = 1 - np.exp(-1)  # share of the way to equilibrium: crossed steeply, so the scatter moves it little
TO_EQUILIBRIUM = 3.0  # times as long: 95 % of the way where the approach is exponential
PUBLISHED_TIME_S = 1e-5  # "equilibrium within about 1e-5 s"
RESAMPLES = 200


@dataclasses.dataclass(frozen=True)
class Budget:
    """Cost of the figure: small runs, hops of all runs, direct runs of the larger boxes, SDE trajectories."""

    small_runs: int = 192
    hops: float = 6e4
    direct_runs: tuple[tuple[int, int], ...] = ((8192, 12), (65536, 2))
    trajectories: int = 100


FULL = Budget()
QUICK = Budget(small_runs=48, hops=2.5e4, direct_runs=((8192, 3),))


@dataclasses.dataclass(frozen=True)
class Curve:
    """Trajectories (runs, n) of the pair at times (n,) for one size."""

    name: str
    times_s: Floats
    z: Floats

    def equilibrium(self) -> tuple[float, float]:
        """Mean over runs and late times; standard deviation between runs at one time, root mean square over times."""
        late = self.z[:, self.times_s >= LATE * self.times_s[-1]]
        return float(late.mean()), float(np.sqrt(late.var(axis=0, ddof=1).mean()))

    def equilibration_time_s(self) -> float:
        """Three times the time in which the mean goes 1 - 1/e of the way from its start to equilibrium."""
        mean = self.z.mean(axis=0)
        way = (mean - mean[0]) / (self.equilibrium()[0] - mean[0])
        after = int(np.argmax(way >= REACHED))
        crossing = np.interp(REACHED, way[after - 1 : after + 1], self.times_s[after - 1 : after + 1])
        return TO_EQUILIBRIUM * float(crossing)

    def errors(self, rng: np.random.Generator) -> list[float]:
        """Standard errors of mean, sd and equilibration time, by resampling whole runs."""
        n = len(self.z)
        again = (dataclasses.replace(self, z=self.z[rng.integers(n, size=n)]) for _ in range(RESAMPLES))
        return list(np.std([[*curve.equilibrium(), curve.equilibration_time_s()] for curve in again], axis=0))


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Learn, simulate all sizes by the SDE and some directly, compare."""
    first, streams = part_of(progress, "figure", 0.0, 0.4, 1), Streams.of(rng)
    (small,) = run_from_random([KELVIN], SMALL, budget.small_runs, budget.hops, streams=streams, progress=first)
    direct = {SMALL: pair_of("direct, 1,024", small)}
    for done, (sites, runs) in enumerate(budget.direct_runs):
        share = 0.4 / len(budget.direct_runs)
        report = part_of(progress, "figure", 0.4 + share * done, share, 1)
        (box,) = run_from_random([KELVIN], sites, runs, budget.hops, streams=streams, progress=report)
        direct[sites] = pair_of(f"direct, {sites:,}", box)
    progress("figure", 0.8, "learn")
    times = small.runs.times_s
    times = times[np.unique(np.geomspace(1, len(times) - 1, 150).astype(int))]
    table, column = small.table, small.table.labels.index(PAIR)

    def learned(name: str, copies: int, sites: int) -> Curve:
        stream = streams("walks", copies, sites)
        z = from_random(models[copies][0], small, times, budget.trajectories, sites, rng=stream)
        return Curve(name, times, table.all_pairs(z, small.contacts)[:, :, column])

    models = {copies: learn_from([small], copies=copies, members=0, streams=streams) for copies in (8, 1)}
    curves = {sites: learned(f"n={sites}", 8, sites) for sites in SIZES}
    single = learned(f"K=1/n={SMALL}", 1, SMALL)
    rows = [row for sites in SIZES for row in rows_of(curves[sites], direct.get(sites), streams)]
    rows += rows_of(single, direct[SMALL], streams)
    shown = [*curves.values(), single]
    columns = ["time_s", *(f"{curve.name}_{q}" for curve in shown for q in ("mean", "sd"))]
    cells = [f(curve.z, axis=0) for curve in shown for f in (np.mean, np.std)]
    lines = np.column_stack([times, *cells]).tolist()
    title = f"Fig. 8c: delta {PAIR} at {KELVIN} K for growing systems, learned from {SMALL:,} sites (nbmota barriers)"
    notes = [CLOCK, f"{budget.trajectories} trajectories; equilibration time: three times that of 1 - 1/e of the way."]
    return Result(title, rows, {"": Table(columns, lines)}, lambda: draw(curves, single, direct), notes)


def pair_of(name: str, box: Simulated) -> Curve:
    """The direct runs of one size, the pair alone."""
    return Curve(name, box.runs.times_s, box.runs.order[:, :, box.table.labels.index(PAIR)])


def rows_of(curve: Curve, truth: Curve | None, streams: Streams) -> list[Row]:
    """Mean, sd and equilibration time of one size."""
    values = [*curve.equilibrium(), curve.equilibration_time_s()]
    exact = [None] * 3 if truth is None else [*truth.equilibrium(), truth.equilibration_time_s()]
    errors = curve.errors(streams("resamples", curve.name))
    published = (None, None, PUBLISHED_TIME_S)
    return [
        Row(
            f"delta/{PAIR}/{curve.name}/{quantity}",
            value,
            error,
            published=paper,
            reference=reference,
            reference_kind=None if reference is None else "direct",
        )
        for quantity, value, error, paper, reference in zip(
            ("mean", "sd", "equilibration_time_s"), values, errors, published, exact, strict=True
        )
    ]


def draw(curves: dict[int, Curve], single: Curve, direct: dict[int, Curve]) -> Figure:
    """Mean and scatter over time, a panel a size, direct runs in dashes; the small cell's own model in the first."""
    figure, axes = plot.new_figure(12.0, 4.0, columns=len(curves))
    color, _ = plot.pair_styles([PAIR, *WarrenCowley(SPECIES).labels])[PAIR]
    for ax, (sites, curve) in zip(axes, curves.items(), strict=True):
        truth = direct.get(sites)
        same = None if truth is None else np.interp(curve.times_s, truth.times_s, truth.z.mean(axis=0))
        mean_trajectory(
            ax,
            curve.times_s,
            curve.z.mean(axis=0),
            curve.z.std(axis=0),
            reference=same,
            color=color,
            label="learned, K = 8",
            time_label="KMC time (s)",
        )
        if sites == SMALL:
            ax.plot(single.times_s, single.z.mean(axis=0), ":", color="black", linewidth=1.6, label="learned, K = 1")
        if same is not None:
            ax.plot([], [], "--", color="black", linewidth=1.0, label="direct KMC")
        ax.set_xscale("log")
        ax.set_title(f"n = {sites:,}")
        ax.legend(frameon=False, fontsize=8, loc="upper right")
    axes[0].set_ylabel(rf"$\delta$ of {PAIR} at {KELVIN} K")
    return figure
