"""Figure 2: the noise factor lambda of the likelihood, on predator-prey fields of 200 points in K = 5 patches.

The paper shows the time-averaged MMD of 50 learned against 50 true trajectories, smallest at lambda = K. Its kernels
(.25 to 8) are far wider than the fluctuations (.004), so it sees the mean; and its biased estimate falls with the
spread of the model. What it means to measure is measured here beside it: the learned scatter over the true one, which
is sqrt(K / lambda), and the MMD of whitened trajectories. One drift is shared by all lambda.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from asemacro.observables.base import Observable
from asemacro.plot import short_range_order as plot
from asemacro.plot.dynamics import discrepancy, mean_trajectory
from asemacro.statistics.discrepancy import halves_floor, time_averaged_mmd, whiten
from asemacro.studies.paper.predator_prey import CLOSED, END, MEANS, STARTS, K, direct, learn, predict, snapshots
from asemacro.studies.paper.report import Result, Row, Table
from asemacro.tasks.parts import part
from asemacro.typing import Floats, Report

LAMBDAS = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0)
PUBLISHED_TRAJECTORIES = 50
TESTED = ((0.05, 0.55), (0.10, 0.50), (0.15, 0.45))
TIMES = np.linspace(0.0, END, 31)
SEEN = slice(3, None, 3)  # times at which MMDs are taken
MODELS: dict[str, Observable] = {"": CLOSED, "means-alone/": MEANS}
SHOWN = (1.0, 5.0, 20.0)  # lambdas drawn as trajectories


@dataclasses.dataclass(frozen=True)
class Budget:
    """Cost of the figure.

    Attributes:
        small_runs: runs of 100 points for each seed.
        draws: patches of each snapshot that move for the noise.
        tested: (c1, c2) of the starts with `trajectories` learned and true trajectories.
        others: further starts with PUBLISHED_TRAJECTORIES, for the published MMD.
        trajectories: of each tested start.
        seeds: repetitions from the small runs on.
    """

    small_runs: int = 300
    draws: int = 4
    tested: tuple[tuple[float, float], ...] = TESTED
    others: tuple[tuple[float, float], ...] = tuple(start for start in STARTS if start not in TESTED)
    trajectories: int = 500
    seeds: int = 3

    @property
    def starts(self) -> tuple[tuple[float, float], ...]:
        """All starts, the tested ones first."""
        return (*self.tested, *self.others)

    @property
    def counts(self) -> list[int]:
        """Trajectories of each start."""
        return [self.trajectories] * len(self.tested) + [PUBLISHED_TRAJECTORIES] * len(self.others)


FULL = Budget()
QUICK = Budget(small_runs=100, draws=4, tested=TESTED[:2], others=(), trajectories=200, seeds=1)


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one model says at one lambda; starts first.

    Attributes:
        noise: (2,) learned over true scatter of u and v: roots of ratios of variances averaged over starts and times.
        raw: (starts,) published MMD.
        whitened: (starts,) MMD with the truth's covariance made 1 at each time.
        rms: (2,) of the learned minus the true mean, over starts and times.
        pull: (2,) the same in units of the true scatter.
    """

    noise: Floats
    raw: Floats
    whitened: Floats
    rms: Floats
    pull: Floats


def run(*, quick: bool, rng: np.random.Generator, progress: Report) -> Result:
    """Run the figure."""
    return compare(QUICK if quick else FULL, rng=rng, progress=progress)


def compare(budget: Budget, *, rng: np.random.Generator, progress: Report) -> Result:
    """Direct runs of 200 points, then for each seed and closure one drift and all lambdas."""
    starts, counts = budget.starts, budget.counts
    true = []
    for done, (start, count) in enumerate(zip(starts, counts, strict=True)):
        progress("figure", 0.1 * done / len(starts), "direct runs of 200 points")
        true.append(part("direct", partial(direct, *start, TIMES, count, rng=rng), rng=rng))
    tested = len(budget.tested)
    found: dict[str, list[list[Measured]]] = {name: [] for name in MODELS}
    shown: dict[float, Floats] = {}
    for seed, stream in enumerate(rng.spawn(budget.seeds)):
        progress("figure", 0.1 + 0.9 * seed / budget.seeds, f"seed {seed}: small runs and snapshots")
        system, x = snapshots(budget.small_runs, rng=stream)
        for name, phi in MODELS.items():
            if name and seed:
                continue  # what the means alone miss is no matter of seeds
            learned = learn(system, x, phi, budget.draws, rng=stream)
            found[name].append([])
            for done, scale in enumerate(LAMBDAS):
                share = 0.3 + 0.1 * done if name == "" else 0.9 + 0.01 * done
                progress("figure", 0.1 + 0.9 * (seed + share) / budget.seeds, f"seed {seed}: lambda = {scale:g}")
                sde = learned.with_noise(scale, rng=stream)
                z = predict(sde, phi, starts, counts, TIMES, rng=stream)
                found[name][-1].append(measure(z, true, tested))
                if seed == 0 and name == "" and scale in SHOWN:
                    shown[scale] = z[tested - 1]
    last = true[tested - 1]
    white = [whiten(z, z)[1][:, SEEN] for z in true[:tested]]
    # two sets as large as those compared: the floor goes as 1/n + 1/m, and halves have n/2
    floor = float(np.mean([halves_floor(z, rng=rng)[0] for z in white])) / 2
    raw_floor = raw_floor_of(true[:tested], rng)
    rows = [row for name, values in found.items() for row in rows_of(name, values, floor, raw_floor)]
    columns = ["model", "seed", "lambda", "noise_u", "noise_v", "mmd", "whitened_mmd", "rms_u", "rms_v"]
    lines = [
        [name.rstrip("/") or "closed", seed, scale, *m.noise, m.raw.mean(), m.whitened.mean(), *m.rms]
        for name, seeds in found.items()
        for seed, row in enumerate(seeds)
        for scale, m in zip(LAMBDAS, row, strict=True)
    ]
    paths = Table(["time", *path_columns(shown)], np.column_stack([TIMES, *path_values(last, shown)]).tolist())
    notes = [
        f"{tested} starts with {budget.trajectories} trajectories each (published MMD: {len(starts)} starts with "
        f"{PUBLISHED_TRAJECTORIES}), {budget.seeds} seeds; references: sqrt(K / lambda), MMD of two true samples.",
        "means-alone: without the covariances of the fields as closure variables, one seed.",
    ]
    return Result(
        "Fig. 2: noise factor lambda, predator-prey, 200 points in K = 5 patches, learned from 100 points",
        rows,
        {"": Table(columns, lines), "paths": paths},
        lambda: draw(found[""], last, shown, floor, raw_floor),
        notes,
    )


def measure(z: Sequence[Floats], true: Sequence[Floats], tested: int) -> Measured:
    """Compare learned with true trajectories, (n, n_times, 2) for each start; the common first time is left out.

    All starts count for the published MMD, the first `tested` ones for the rest.
    """
    few = PUBLISHED_TRAJECTORIES
    raw = [time_averaged_mmd(p[:few, 1:], q[:few, 1:]) for p, q in zip(z, true, strict=True)]
    a, b = (np.array(some[:tested]) for some in (z, true))
    whitened = [whiten(p, q) for p, q in zip(a, b, strict=True)]
    white = [time_averaged_mmd(p[:, SEEN], q[:, SEEN]) for p, q in whitened]
    a, b = a[:, :, 1:], b[:, :, 1:]
    spread, square = b.var(axis=1, ddof=1), (a.mean(axis=1) - b.mean(axis=1)) ** 2
    noise = np.sqrt(a.var(axis=1, ddof=1).mean(axis=(0, 1)) / spread.mean(axis=(0, 1)))
    rms, pull = (np.sqrt(s.mean(axis=(0, 1))) for s in (square, square / spread))
    return Measured(noise, np.array(raw), np.array(white), rms, pull)


def raw_floor_of(true: Sequence[Floats], rng: np.random.Generator) -> float:
    """Published MMD of two sets of true trajectories."""
    pair = 2 * PUBLISHED_TRAJECTORIES
    return float(np.mean([halves_floor(z[:pair, 1:], rng=rng)[0] for z in true]))


def rows_of(name: str, seeds: Sequence[Sequence[Measured]], floor: float, raw_floor: float) -> list[Row]:
    """Rows of one model: scatter and both MMDs at each lambda, where the whitened one is smallest, errors of means."""
    rows, closed = [], name == ""
    for k, scale in enumerate(LAMBDAS):
        ratio = np.sqrt(K / scale)
        width = 0.05 if scale == K else 0.1
        target = ((1 - width) * ratio, (1 + width) * ratio) if closed else None
        noise = [float(row[k].noise.mean()) for row in seeds]
        rows.append(_row(f"{name}noise/lambda={scale:g}", noise, ratio, "exact", target))
    for k, scale in enumerate(LAMBDAS):
        rows.append(_row(f"{name}mmd/lambda={scale:g}", [row[k].raw.mean() for row in seeds], raw_floor, "floor"))
    for k, scale in enumerate(LAMBDAS):
        white = [row[k].whitened.mean() for row in seeds]
        rows.append(_row(f"{name}whitened-mmd/lambda={scale:g}", white, floor, "floor"))
    for seed, row in enumerate(seeds):
        best = LAMBDAS[int(np.argmin([m.whitened.mean() for m in row]))]
        quantity = f"{name}whitened-mmd/smallest-at/seed={seed}"
        rows.append(Row(quantity, best, reference=K, reference_kind="exact", target=(K, K) if closed else None))
    at_k = LAMBDAS.index(K)
    for j, field in enumerate(("u", "v")):
        rows.append(_row(f"{name}mean/{field}/rms", [row[at_k].rms[j] for row in seeds]))
        rows.append(_row(f"{name}mean/{field}/rms-in-sd", [row[at_k].pull[j] for row in seeds]))
    return rows


def _row(
    quantity: str,
    values: Sequence[float],
    reference: float | None = None,
    kind: str | None = None,
    target: tuple[float, float] | None = None,
) -> Row:
    """Mean over the seeds and its error."""
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return Row(quantity, float(np.mean(values)), error, reference=reference, reference_kind=kind, target=target)


def path_columns(shown: dict[float, Floats]) -> list[str]:
    """Names of the columns of `path_values`."""
    names = ["true", *(f"lambda={scale:g}" for scale in shown)]
    return [f"{name}_{field}_{q}" for name in names for field in "uv" for q in ("mean", "sd")]


def path_values(true: Floats, shown: dict[float, Floats]) -> list[Floats]:
    """Mean and sd over time of u and v: of the truth, then at each lambda."""
    return [f(z[:, :, j], axis=0) for z in (true, *shown.values()) for j in (0, 1) for f in (np.mean, np.std)]


def draw(
    seeds: Sequence[Sequence[Measured]], true: Floats, shown: dict[float, Floats], floor: float, raw_floor: float
) -> Figure:
    """Learned and true trajectories of v, scatter over lambda, published and whitened MMD over lambda."""
    figure, axes = plot.new_figure(15.0, 4.0, columns=4, share=False)
    centre, sd = true[:, :, 1].mean(axis=0), true[:, :, 1].std(axis=0)
    for index, (scale, z) in enumerate(shown.items()):
        v = z[:, :, 1]
        label = rf"learned, $\lambda$ = {scale:g}"
        color = plot.shade_of(index, len(shown))
        mean_trajectory(axes[0], TIMES, v.mean(axis=0) - centre, v.std(axis=0), color=color, label=label)
    axes[0].plot(TIMES, sd, ":", color="black", linewidth=1.4, label="direct")
    axes[0].plot(TIMES, -sd, ":", color="black", linewidth=1.4)
    axes[0].set_ylabel(r"mean $v$ minus its true mean, $\pm$ 1 sd")
    axes[0].legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
    axes[0].set_ylim(-0.012, 0.016)
    lambdas = np.array(LAMBDAS)
    smooth = np.geomspace(lambdas[0], lambdas[-1], 200)
    noise = np.array([[m.noise for m in row] for row in seeds])
    for j, field in enumerate("uv"):
        axes[1].plot(lambdas, noise[:, :, j].mean(axis=0), "os"[j], color=plot.color_of(j), label=f"mean ${field}$")
    axes[1].plot(smooth, np.sqrt(K / smooth), "-", color="black", linewidth=1.0, label=r"$\sqrt{K/\lambda}$")
    axes[1].axvline(K, color="black", linestyle="--", linewidth=1.0)
    axes[1].set_xlabel(r"noise scale $\lambda$")
    axes[1].set_ylabel("learned over true standard deviation")
    axes[1].legend(frameon=False)
    for ax, values, least, title in (
        (axes[2], [[m.raw.mean() for m in row] for row in seeds], raw_floor, "as published, 50 trajectories"),
        (axes[3], [[m.whitened.mean() for m in row] for row in seeds], floor, "whitened, all trajectories"),
    ):
        table = np.array(values)
        error = table.std(axis=0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else None
        discrepancy(ax, lambdas, table.mean(axis=0), error, floor=least, sites_ratio=K, color=plot.color_of(2))
        ax.set_title(title, fontsize=10)
        ax.legend(frameon=False)
    return figure
