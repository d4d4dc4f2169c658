"""From records of small runs to the order of the large system: fit, mean paths, equilibrium, error bars."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.data import Pairs
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.train import FitOptions, fit, fit_ensemble
from asemacro.macro.trajectories import simulate
from asemacro.studies.alloy.approach import smooth
from asemacro.studies.alloy.record import Record
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

MEMBERS = 3  # bootstrap members behind the error bars
TRAJECTORIES = 48
SAVED_TIMES = 48  # on a logarithmic axis
MAX_RATE_STEP = 0.3  # fastest relaxation rate times step: only means are taken, which this leaves alone
SPAN = 150.0  # length of a path in units of the fastest relaxation
SETTLED = 12.0  # relaxation times after which a path is taken to be in equilibrium


FIT = FitOptions(max_epochs=10, min_steps=500, max_steps=1500)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """Mean order of the large system at one temperature, unlike pairs only.

    Attributes:
        start: (d,) mean order of the random alloy.
        times_s: (n,) logarithmic, from the first recorded step to where the path is no longer followed.
        path: (n, d) mean order from random.
        path_error: (n, d) one standard error: of the ensemble, at least that of the runs' own mean, and what the path
            misses of that mean.
        equilibrium: (d,) stationary mean.
        equilibrium_error: (d,), from the ensemble.
        relaxation_time_s: slowest one, linearised at the late order of the data.
    """

    start: Floats
    times_s: Floats
    path: Floats
    path_error: Floats
    equilibrium: Floats
    equilibrium_error: Floats
    relaxation_time_s: float


@one_thread()
def learn(
    records: Sequence[Record],
    columns: NDArray[np.intp],
    labels: Sequence[str],
    sites: int,
    *,
    members: int = MEMBERS,
    rng: np.random.Generator,
    report: Callable[[float], object] | None = None,
) -> list[NeuralSDE]:
    """One SDE for all temperatures, and bootstrap members of it.

    Args:
        records: one for each temperature.
        columns: of the records' order that make z (the independent, unlike pairs).
        labels: names of these columns.
        sites: size of the large system.
        members: number of them; 0 for the model alone.
        rng: source of randomness.
        report: called with the share of all fits that is done.

    Returns:
        The model, then the members whose spread is its error.
    """
    pairs = Pairs.concat([record.pairs(columns, rng=rng) for record in records]).balanced()
    many = len({record.temperature_K for record in records}) > 1
    conditions = 1 if many else 0
    if not many:
        pairs = dataclasses.replace(pairs, condition=np.empty(0))
    dim = len(columns)
    sde = NeuralSDE(
        OnsagerNet(dim, n_conditions=conditions),
        FullDiffusion(dim, n_conditions=conditions),
        labels=tuple(labels),
        sites=sites,
    )
    progress: Any = (lambda task, share, text: report(share)) if report else False
    if members == 0:
        fit(sde, pairs, rng=rng, options=FIT, progress=progress)
        return [sde]
    found = fit_ensemble(sde, pairs, members, rng=rng, options=FIT, progress=progress)
    return [found.model, *found.members]


@one_thread()
def predict(
    ensemble: Sequence[NeuralSDE],
    records: Sequence[Record],
    start: Floats,
    columns: NDArray[np.intp],
    *,
    rng: np.random.Generator,
    report: Callable[[float], object] | None = None,
) -> list[Prediction]:
    """Order from random over time, and at equilibrium, at the temperatures of the records.

    The mean path is that of simulated trajectories of the SDE. Its error is the spread of the noise-free paths of the
    bootstrap members; three of them tell it within a factor of two, so it is a running mean over temperatures, and no
    smaller than the standard error of the runs' own mean (`of_the_runs`). One SDE for all temperatures cannot pass
    through the mean of each: what it misses, beyond noise, is added. All temperatures are simulated together.

    Args:
        ensemble: from `learn`.
        records: give the temperatures, the first times, and what the path is compared with.
        start: (d,) mean order of a random alloy.
        columns: of the records' order.
        rng: source of randomness.
        report: called with the share that is done.
    """
    sde, walks = ensemble[0], 0
    kelvin = np.array([record.temperature_K for record in records])

    def run(model: NeuralSDE, z0: Floats, times: Floats, copies: int) -> Floats:
        """(n_temperatures, copies, n_times, d); one copy means the noise-free path."""
        nonlocal walks
        rows = len(kelvin) * copies
        _, z = simulate(
            model,
            np.broadcast_to(z0, (rows, z0.shape[-1])),
            condition=np.repeat(kelvin, copies) if model.n_conditions else None,
            n_trajectories=rows,
            times_s=np.repeat(times, copies, axis=0),
            max_rate_step=MAX_RATE_STEP,
            noise=copies > 1,
            rng=rng,
        )
        walks += 1
        if report is not None:
            report(walks / (len(ensemble) + 1))
        return z.reshape(len(kelvin), copies, *z.shape[1:])

    late = np.array([r.late[:, :, columns].mean(axis=(0, 1)) for r in records])
    slowest = 1 / sde.relaxation_rates(late, kelvin if sde.n_conditions else None)[:, 0].clip(1e-300)
    seen = np.array([np.nan_to_num(r.relaxation_time_s) for r in records])
    first = np.array([r.times_s[1] for r in records])
    jacobian = sde.jacobian(late, kelvin if sde.n_conditions else None)
    largest = np.abs(jacobian).max(axis=(1, 2), keepdims=True).clip(1e-280)  # where it is cold, squares are zero
    rates = largest[:, 0, 0] * np.linalg.norm(jacobian / largest, axis=(1, 2)).clip(1e-3)
    # a model that extrapolates may be arbitrarily slow: beyond a number of steps it is not followed
    settled = np.minimum(SETTLED * np.maximum(slowest, seen), SPAN / rates)
    times = np.geomspace(first, (SPAN / rates).clip(2 * first), SAVED_TIMES, axis=1)
    paths = run(sde, start, times, TRAJECTORIES)
    path = paths.mean(axis=1)
    members = np.std([run(member, start, times, 1)[:, 0] for member in ensemble[1:]], axis=0, ddof=1)
    spread = smooth(members.reshape(len(kelvin), -1)).reshape(members.shape)
    runs = [of_the_runs(r, columns, t, p) for r, t, p in zip(records, times, path, strict=True)]
    noise = smooth(np.array([r[0] for r in runs]).reshape(len(kelvin), -1)).reshape(members.shape)
    missed = np.array([r[1] for r in runs])
    path_error = np.sqrt(np.maximum(spread, noise) ** 2 + missed**2 + paths.var(axis=1) / TRAJECTORIES)

    # equilibrium: the trajectories go on, and what comes after they have settled is averaged
    more = settled[:, None] * np.linspace(0.05, 1.5, 30)
    tail = run(sde, paths[:, :, -1].reshape(-1, len(start)), more, TRAJECTORIES)[:, :, 15:]
    equilibrium = tail.mean(axis=(1, 2))
    equilibrium_error = np.hypot(members[:, -1], tail.mean(axis=2).std(axis=1) / np.sqrt(TRAJECTORIES))
    return [
        Prediction(
            start=start,
            times_s=times[k],
            path=path[k],
            path_error=path_error[k],
            equilibrium=equilibrium[k],
            equilibrium_error=equilibrium_error[k],
            relaxation_time_s=float(slowest[k]),
        )
        for k in range(len(records))
    ]


def of_the_runs(record: Record, columns: NDArray[np.intp], times: Floats, path: Floats) -> tuple[Floats, Floats]:
    """What small runs say of a path (n, d) at (n,) times: the standard error of their mean, and what the path misses.

    Runs and path are averaged over the second half of the time until then, which takes out fluctuations that are fast
    on that scale. Missed is the difference of the two beyond the standard error. Later than the runs end, both are what
    they are at their end.
    """
    series, seen = record.order[:, :, columns], record.times_s
    spacing = np.diff(seen)[:, None]
    steps = np.log(np.maximum(seen, times[0]) / times[0])
    shown = np.stack([np.interp(steps, np.log(times / times[0]), column) for column in path.T], axis=1)
    noise, missed = np.empty_like(path), np.empty_like(path)
    for row, until in enumerate(np.minimum(times, seen[-1])):
        end = max(int(np.searchsorted(seen, until * (1 + 1e-9), side="right")) - 1, 1)
        begin = min(int(np.searchsorted(seen, until / 2)), end - 1)
        width = spacing[begin:end] / spacing[begin:end].sum()
        means = (series[:, begin + 1 : end + 1] * width).sum(axis=1)
        noise[row] = means.std(axis=0, ddof=1) / np.sqrt(len(means))
        apart = means.mean(axis=0) - (shown[begin + 1 : end + 1] * width).sum(axis=0)
        missed[row] = np.sqrt(np.maximum(apart**2 - noise[row] ** 2, 0.0))
    return noise, missed
