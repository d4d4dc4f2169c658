"""From small runs to the order of the large system: fit, mean paths, equilibrium, error bars."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from asemacro.data import Pairs
from asemacro.macro.diffusion import FullDiffusion
from asemacro.macro.drift import OnsagerNet
from asemacro.macro.sde import NeuralSDE
from asemacro.macro.train import FitOptions, fit, fit_ensemble
from asemacro.macro.trajectories import simulate
from asemacro.studies.alloy.approach import smooth
from asemacro.studies.alloy.simulated import Simulated
from asemacro.tasks.progress import part_of, silent
from asemacro.tasks.running import Task, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats, Report

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Predicted(Simulated):
    """What was simulated at one temperature, and what the SDE makes of it."""

    prediction: Prediction


def pairs_of(found: Sequence[Simulated], streams: Streams) -> Pairs:
    """Pairs for the learner from the small runs of all temperatures.

    Their condition is the temperature, or nothing if there is only one.
    """
    pairs = Pairs.concat([at.pairs(streams("pairs", at.temperature_K)) for at in found])
    return pairs if len(found) > 1 else dataclasses.replace(pairs, condition=np.empty(0))


@one_thread()
def learn(
    pairs: Pairs,
    labels: Sequence[str],
    sites: int,
    *,
    members: int = MEMBERS,
    rng: np.random.Generator,
    progress: Report | None = None,
    workers: int | None = None,
) -> list[NeuralSDE]:
    """One SDE for all temperatures, each of which counts the same, and bootstrap members of it.

    Args:
        pairs: of all temperatures (`pairs_of`).
        labels: names of the variables.
        sites: size of the large system.
        members: number of them; 0 for the model alone.
        rng: source of randomness.
        progress: called as progress("fit", fraction, text).
        workers: fits at once; None for all cores.

    Returns:
        The model, then the members whose spread is its error.
    """
    pairs, dim, conditions = pairs.balanced(), pairs.z0.shape[1], pairs.condition.shape[1]
    sde = NeuralSDE(
        OnsagerNet(dim, n_conditions=conditions),
        FullDiffusion(dim, n_conditions=conditions),
        labels=tuple(labels),
        sites=sites,
    )
    if members == 0:
        fit(sde, pairs, rng=rng, options=FIT, progress=progress or False)
        return [sde]
    found = fit_ensemble(sde, pairs, members, rng=rng, options=FIT, progress=progress or False, workers=workers)
    return [found.model, *found.members]


@one_thread()
def predict(
    ensemble: Sequence[NeuralSDE],
    found: Sequence[Simulated],
    start: Floats,
    *,
    streams: Streams,
    progress: Report | None = None,
    workers: int | None = None,
) -> list[Predicted]:
    """Order from random over time, and at equilibrium, at the temperatures that were simulated.

    The mean path is that of simulated trajectories of the SDE. Its error is the spread of the noise-free paths of the
    bootstrap members; three of them tell it within a factor of two, so it is a running mean over temperatures, and no
    smaller than the standard error of the runs' own mean (`of_the_runs`). One SDE for all temperatures cannot pass
    through the mean of each: what it misses, beyond noise, is added. All temperatures are simulated together.

    Args:
        ensemble: from `learn`.
        found: give the temperatures, the first times, and what the path is compared with.
        start: (d,) mean order of a random alloy.
        streams: of the study.
        progress: called as progress("predict", fraction, text).
        workers: models that walk at once; None for all cores.
    """
    walk = _Walks(np.array([at.temperature_K for at in found]), streams)
    times, settled, slowest = _times_of(ensemble[0], found)
    tell, share = progress or silent, 1 / (len(ensemble) + 1)
    tasks = [
        Task(
            f"walk {k}",
            functools.partial(walk, k, model, start, times, 1 if k else TRAJECTORIES),
            1.0 if k else 2.0,
            part=(),
        )
        for k, model in enumerate(ensemble)
    ]
    first = part_of(tell, "predict", 0.0, 1 - share, tasks=len(tasks))
    paths, *paths_of_members = run_tasks(tasks, progress=first, workers=workers)
    members = np.std([path[:, 0] for path in paths_of_members], axis=0, ddof=1)
    path_error = _path_error(found, times, paths, members)
    # equilibrium: the trajectories go on, and what comes after they have settled is averaged
    more = settled[:, None] * np.linspace(0.05, 1.5, 30)
    last = part_of(tell, "predict", 1 - share, share)
    tail = walk(len(ensemble), ensemble[0], paths[:, :, -1].reshape(-1, len(start)), more, TRAJECTORIES, last)[
        :, :, 15:
    ]
    error = np.hypot(members[:, -1], tail.mean(axis=2).std(axis=1) / np.sqrt(TRAJECTORIES))
    return [
        Predicted(
            **vars(at),
            prediction=Prediction(
                start=start,
                times_s=times[k],
                path=paths[k].mean(axis=0),
                path_error=path_error[k],
                equilibrium=tail[k].mean(axis=(0, 1)),
                equilibrium_error=error[k],
                relaxation_time_s=float(slowest[k]),
            ),
        )
        for k, at in enumerate(found)
    ]


@dataclasses.dataclass(frozen=True)
class _Walks:
    """Simulates models at all temperatures together, each walk with a stream of its own.

    Attributes:
        kelvin: (n,) temperatures.
        streams: of the study.
    """

    kelvin: Floats
    streams: Streams

    @one_thread()
    def __call__(
        self, number: int, model: NeuralSDE, z0: Floats, times: Floats, copies: int, progress: Report
    ) -> Floats:
        """(n, copies, n_times, d) of a model, from z0, at times (n, n_times); one copy means the noise-free path."""
        rows = len(self.kelvin) * copies
        _, z = simulate(
            model,
            np.broadcast_to(z0, (rows, z0.shape[-1])),
            condition=np.repeat(self.kelvin, copies) if model.n_conditions else None,
            n_trajectories=rows,
            times_s=np.repeat(times, copies, axis=0),
            max_rate_step=MAX_RATE_STEP,
            noise=copies > 1,
            rng=self.streams("predict", number),
        )
        progress("predict", 1.0, "predict")
        return z.reshape(len(self.kelvin), copies, *z.shape[1:])


def _times_of(sde: NeuralSDE, found: Sequence[Simulated]) -> tuple[Floats, Floats, Floats]:
    """Times (n, SAVED_TIMES) of the paths, and (n,) times until they have settled and of the slowest relaxation."""
    kelvin = np.array([at.temperature_K for at in found]) if sde.n_conditions else None
    late = np.array([at.late for at in found])
    slowest = 1 / sde.relaxation_rates(late, kelvin)[:, 0].clip(1e-300)
    seen = np.array([np.nan_to_num(at.runs.relaxation_time_s) for at in found])
    first = np.array([at.runs.times_s[1] for at in found])
    jacobian = sde.jacobian(late, kelvin)
    largest = np.abs(jacobian).max(axis=(1, 2), keepdims=True).clip(1e-280)  # where it is cold, squares are zero
    rates = largest[:, 0, 0] * np.linalg.norm(jacobian / largest, axis=(1, 2)).clip(1e-3)
    # a model that extrapolates may be arbitrarily slow: beyond a number of steps it is not followed
    settled = np.minimum(SETTLED * np.maximum(slowest, seen), SPAN / rates)
    times = np.geomspace(first, (SPAN / rates).clip(2 * first), SAVED_TIMES, axis=1)
    return times, settled, slowest


def _path_error(found: Sequence[Simulated], times: Floats, paths: Floats, members: Floats) -> Floats:
    """(n, n_times, d) standard error of mean paths, see `predict`.

    Args:
        found: what was simulated.
        times: (n, n_times).
        paths: (n, copies, n_times, d) trajectories.
        members: (n, n_times, d) standard deviation of the paths of bootstrap members.
    """
    runs = [of_the_runs(at, t, p) for at, t, p in zip(found, times, paths.mean(axis=1), strict=True)]
    noise, missed = (np.array(part) for part in zip(*runs, strict=True))
    spread, noise = (smooth(part.reshape(len(found), -1)).reshape(part.shape) for part in (members, noise))
    return np.sqrt(np.maximum(spread, noise) ** 2 + missed**2 + paths.var(axis=1) / paths.shape[1])


def of_the_runs(at: Simulated, times: Floats, path: Floats) -> tuple[Floats, Floats]:
    """What small runs say of a path (n, d) at (n,) times: the standard error of their mean, and what the path misses.

    Runs and path are averaged over the second half of the time until then, which takes out fluctuations that are fast
    on that scale. Missed is the difference of the two beyond the standard error. Later than the runs end, both are what
    they are at their end.
    """
    series, seen = at.order, at.runs.times_s
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
