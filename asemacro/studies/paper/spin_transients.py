"""Transients of spins, learned against exact or direct ones: what figures 3a, 3b, 4, 5 and the table of schemes share.

From random spins with a given magnetisation m0, mean and standard deviation over time of a learned SDE are compared
with those of the system itself: Curie-Weiss by its master equation, Ising by direct runs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from asemacro.data import Moments
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.macro.moment_fit import fit_moments
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.trajectories import simulate
from asemacro.micro.blocks import observe
from asemacro.micro.spins.birth_death import magnetisation_moments
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.ising import Ising
from asemacro.observables.base import Observable
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.statistics.averages import mean_errors
from asemacro.studies.learn.learned import polynomial_sde
from asemacro.studies.paper.report import Row, Table
from asemacro.tasks.parts import part
from asemacro.typing import Floats, Report
from asemacro.upsampling.ensemble import LargeSnapshots, magnetised, snapshots
from asemacro.upsampling.tiling import mosaic, repeat

SIDE = 64
SIZES = (4096, 1024, 256, 64)
SPLIT = 10.0  # the transient ends here
QUANTITIES = ("transient", "equilibrium", "total")


@dataclasses.dataclass(frozen=True)
class Setting:
    """One of the two systems of the figures.

    Attributes:
        name: in the names of rows.
        system: the large one.
        phi: what is compared, M first.
        starts: magnetisations of the random starts.
        times: (n,) even times, 0 first.
        rate_step: largest rate times step of the learned SDE.
    """

    name: str
    system: Ising | CurieWeiss
    phi: Observable
    starts: tuple[float, ...]
    times: Floats
    rate_step: float

    def small(self, n_s: int) -> Ising | CurieWeiss:
        """The same system on a square of n_s spins."""
        return self.system.on(Lattice.square(1.0, "X", round(np.sqrt(n_s))))


def curie_weiss() -> Setting:
    """n = 64^2, T = 1.1, h = 0.1; half a unit of time between compared times, to t = 60."""
    system = CurieWeiss(Lattice.square(1.0, "X", SIDE), 1.1, field=0.1)
    return Setting("curie-weiss", system, Magnetization(), (0.5, 0.25, 0.0, -0.25, -0.5), np.arange(121) / 2, 0.05)


def ising() -> Setting:
    """64 x 64, T = 2.5, h = 0.1; one unit of time between compared times, to t = 100."""
    system = Ising(Lattice.square(1.0, "X", SIDE), 2.5, field=0.1)
    phi = Observables([Magnetization(), DomainWallDensity()])
    return Setting("ising", system, phi, (-0.8, -0.4, 0.0, 0.4, 0.8), np.arange(101.0), 0.2)


@dataclasses.dataclass(frozen=True)
class Law:
    """Mean and standard deviation (n_starts, n_times, d) over time (n_times,); `runs` of them, None if exact."""

    times: Floats
    mean: Floats
    sd: Floats
    runs: int | None = None

    def at(self, times: Floats) -> Law:
        """The same at other times, interpolated linearly."""
        if np.array_equal(times, self.times):
            return self
        mean, sd = (
            np.apply_along_axis(lambda line: np.interp(times, self.times, line), 1, part)
            for part in (self.mean, self.sd)
        )
        return Law(times, mean, sd, self.runs)

    def noise(self, split: float = SPLIT) -> Floats:
        """(2, d) what the statistical error of the means adds to relative errors, transient and later; over starts."""
        if self.runs is None:
            return np.zeros((2, self.mean.shape[2]))
        early = self.times <= split
        parts = [
            (self.sd[:, rows] ** 2 / self.runs).sum(axis=1) / (self.mean[:, rows] ** 2).sum(axis=1)
            for rows in (early, ~early)
        ]
        return np.stack([part.mean(axis=0) for part in parts])

    def late(self, starts: Sequence[int], after: float) -> tuple[Floats, Floats]:
        """(d,) mean and standard deviation over some starts and all times after one."""
        rows = self.times > after
        mean = self.mean[list(starts)][:, rows].mean(axis=(0, 1))
        square = (self.sd[list(starts)][:, rows] ** 2 + self.mean[list(starts)][:, rows] ** 2).mean(axis=(0, 1))
        return mean, np.sqrt(square - mean**2)


def exact_law(setting: Setting) -> Law:
    """Of the Curie-Weiss magnetisation, by the master equation."""
    assert isinstance(setting.system, CurieWeiss)
    mean, sd = magnetisation_moments(setting.system, setting.starts, setting.times)
    return Law(setting.times, mean[..., None], sd[..., None])


def direct_law(setting: Setting, runs: int, *, rng: np.random.Generator, progress: Report) -> Law:
    """By direct runs of the large system from each start."""

    def of(k: int, m0: float) -> Floats:
        x, now, seen = random_spins(setting.system.lattice, m0, runs, rng=rng), 0.0, []
        for i, t in enumerate(setting.times):
            x, _ = setting.system.evolve(x, t - now, rng=rng)
            seen.append(observe(setting.phi, x, setting.system.lattice))
            now = t
            progress("direct", (k + i / len(setting.times)) / len(setting.starts), "direct runs")
        return np.stack(seen, axis=1)

    values = np.stack([part("direct", partial(of, k, m0), rng=rng) for k, m0 in enumerate(setting.starts)])
    return Law(setting.times, values.mean(axis=1), values.std(axis=1), runs)


@dataclasses.dataclass(frozen=True)
class Stage:
    """Ages at which small states are put together, and how long the large ones relax afterwards (n_s < n)."""

    ages: tuple[float, ...]
    relax: float


def large_snapshots(
    setting: Setting, n_s: int, stages: Sequence[Stage], n_starts: int, per_age: int, *, rng: np.random.Generator
) -> LargeSnapshots:
    """Snapshots from systems of n_s spins alone: mosaics of runs of one random start and age.

    Starts have magnetisations spread evenly over [-1, 1]. For n_s = n the runs themselves are the snapshots.
    """
    small, copies = setting.small(n_s), setting.system.lattice.n_sites // n_s
    starts = magnetised((2 * np.arange(n_starts) + 1) / n_starts - 1)
    parts = [
        snapshots(
            small,
            starts,
            stage.ages,
            copies,
            repeat if copies == 1 else mosaic,
            trajectories=per_age if copies == 1 else 2 * copies,
            per_age=per_age,
            relax=0.0 if copies == 1 else stage.relax,
            rng=rng,
        )
        for stage in stages
    ]
    x, start, age = (np.concatenate([getattr(p, name) for p in parts]) for name in ("x", "start", "age"))
    return LargeSnapshots(parts[0].system, x, start, age)


def fit_labels(
    moments: Moments, labels: tuple[str, ...], sites: int, weight: Floats | None = None, *, rng: np.random.Generator
) -> NeuralSDE:
    """The SDE of labels: polynomials alone (a network on top was kept by no fit of these figures)."""
    sde = polynomial_sde(labels, sites, hidden=0)
    fit_moments(sde, moments, weight=weight, rng=rng)
    return sde


def predict(sde: NeuralSDE, setting: Setting, phi: Observable, trajectories: int, *, rng: np.random.Generator) -> Law:
    """Mean and spread of an SDE of phi, from the values of phi of random large states."""
    lattice = setting.system.lattice
    starts = [observe(phi, random_spins(lattice, m0, trajectories, rng=rng), lattice) for m0 in setting.starts]
    z0 = np.concatenate(starts)
    go_on: dict[str, Any] = {"n_trajectories": len(z0), "times_s": setting.times, "max_rate_step": setting.rate_step}
    z = part("paths", lambda: simulate(sde, z0, **go_on, rng=rng)[1], rng=rng)
    z = z.reshape(len(starts), trajectories, *z.shape[1:])
    return Law(setting.times, z.mean(axis=1), z.std(axis=1), trajectories)


@dataclasses.dataclass(frozen=True)
class Errors:
    """Of a learned law, for each start and each of the compared variables, (n_starts, d).

    Attributes:
        relative: by "transient", "equilibrium" and "total": sum (m_hat - m)^2 / sum m^2 over the times.
        rms: by "transient" and "equilibrium": root of the mean of (m_hat - m)^2, in units of the variable.
        sd: by "transient" and "equilibrium": largest |sd_hat / sd - 1| over the times.
    """

    relative: dict[str, Floats]
    rms: dict[str, Floats]
    sd: dict[str, Floats]


def errors_of(law: Law, truth: Law, split: float = SPLIT) -> Errors:
    """Errors of the first variables of a law, those that the truth has."""
    d = min(law.mean.shape[2], truth.mean.shape[2])
    same = truth.at(law.times)
    found = mean_errors(law.mean[..., :d], same.mean[..., :d], law.times, split)
    sd = {}
    for name, rows in (("transient", law.times <= split), ("equilibrium", law.times > split)):
        rows = rows & (law.times > 0)  # at the start all states are equal
        sd[name] = np.abs(law.sd[:, rows, :d] / same.sd[:, rows, :d] - 1).max(axis=1)
    relative = {"transient": found.transient, "equilibrium": found.equilibrium, "total": found.total}
    return Errors(relative, {"transient": found.rms_transient, "equilibrium": found.rms_equilibrium}, sd)


def mean_of(draws: Sequence[Errors]) -> Errors:
    """Mean of the errors of several models."""
    parts = ([getattr(errors, field.name) for errors in draws] for field in dataclasses.fields(Errors))
    return Errors(*({name: np.mean([p[name] for p in part], axis=0) for name in part[0]} for part in parts))


def window_error(law: Law, truth: Law, until: float, settled: Sequence[int], after: float) -> float:
    """Relative error of the first variable, mean over starts, in a window longer than the laws are known for.

    From their last time on both are taken for settled: at the means of the settled starts after a time.

    Args:
        law: learned.
        truth: at the same even times.
        until: end of the window.
        settled: starts that are in equilibrium after that time.
        after: the time.
    """
    m, true = law.mean[..., 0], truth.at(law.times).mean[..., 0]
    still, rest = truth.late(settled, after)[0][0], law.late(settled, after)[0][0]
    more = (until - law.times[-1]) / (law.times[1] - law.times[0])
    wrong = ((m - true) ** 2).sum(axis=1) + more * (rest - still) ** 2
    return float((wrong / ((true**2).sum(axis=1) + more * still**2)).mean())


def error_rows(
    prefix: str,
    errors: Errors,
    variable: int = 0,
    *,
    targets: dict[str, float] | None = None,
    published: dict[str, float] | None = None,
) -> list[Row]:
    """Relative errors of one variable, means over the starts: "PREFIX/transient", "/equilibrium", "/total"."""
    return [
        Row(
            f"{prefix}/{name}",
            float(errors.relative[name][:, variable].mean()),
            published=(published or {}).get(name),
            target=(None, targets[name]) if targets and name in targets else None,
        )
        for name in QUANTITIES
    ]


def error_lines(name: str, setting: Setting, errors: Errors) -> list[list[object]]:
    """Lines of a table with all errors of all starts and variables; columns as `ERROR_COLUMNS`."""
    d = errors.sd["transient"].shape[1]
    return [
        [
            name,
            m0,
            setting.phi.labels[v],
            *(errors.relative[q][k, v] for q in QUANTITIES),
            *(part[q][k, v] for part in (errors.rms, errors.sd) for q in QUANTITIES[:2]),
        ]
        for k, m0 in enumerate(setting.starts)
        for v in range(d)
    ]


ERROR_COLUMNS = (
    "model",
    "m0",
    "variable",
    *QUANTITIES,
    *(f"{name}_{q}" for name in ("rms", "sd") for q in QUANTITIES[:2]),
)


def law_rows(
    prefix: str,
    setting: Setting,
    law: Law,
    truth: Law,
    marks: Sequence[float],
    kind: str,
    *,
    sd_target: float | None = None,
) -> list[Row]:
    """Means and standard deviations at marked times: "PREFIX/m0=-0.5/t=5/mean" (of other variables "/rho_DW/mean").

    Args:
        prefix: of the names.
        setting: the system.
        law: learned.
        truth: exact or direct.
        marks: times.
        kind: "exact" or "direct".
        sd_target: relative error that a standard deviation may have, if there is a target.
    """
    rows = []
    for k, m0 in enumerate(setting.starts):
        for t in marks:
            i = int(np.argmin(np.abs(setting.times - t)))
            for v, label in enumerate(setting.phi.labels):
                name = f"{prefix}/m0={m0:g}/t={t:g}" + ("" if v == 0 else f"/{label}")
                runs = law.runs or 1
                spread, true = law.sd[k, i, v], truth.sd[k, i, v]
                mean = Row(
                    f"{name}/mean",
                    law.mean[k, i, v],
                    spread / np.sqrt(runs),
                    reference=truth.mean[k, i, v],
                    reference_kind=kind,
                )
                band = None if sd_target is None else (true * (1 - sd_target), true * (1 + sd_target))
                sd = Row(f"{name}/sd", spread, spread / np.sqrt(2 * runs), None, true, kind, band)
                rows += [mean, sd]
    return rows


def law_table(setting: Setting, laws: Mapping[int, Law], truth: Law, kind: str) -> Table:
    """Mean and sd over time of all variables and starts: the truth, then the laws learned from each n_s."""
    named = {kind: truth} | {f"n_s={n_s}": law for n_s, law in laws.items()}
    columns = ["m0", "time", *(f"{n}_{v}_{q}" for n in named for v in setting.phi.labels for q in ("mean", "sd"))]
    lines = [
        [
            m0,
            t,
            *(part[k, i, v] for law in named.values() for v in range(setting.phi.dim) for part in (law.mean, law.sd)),
        ]
        for k, m0 in enumerate(setting.starts)
        for i, t in enumerate(setting.times)
    ]
    return Table(columns, lines)
