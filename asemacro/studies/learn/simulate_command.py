"""The command simulate: trajectories of a learned model as a table, to the end or to equilibrium."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from asemacro.files.store import output_file, write_csv
from asemacro.macro.ode import simulate_ode
from asemacro.macro.trajectories import simulate
from asemacro.studies.alloy.known_equilibrium import known_equilibrium
from asemacro.studies.forces.learned import LearnedForces
from asemacro.studies.learn.learned import Learned
from asemacro.studies.learn.loading import load_learned
from asemacro.studies.learn.model import LearnedModel
from asemacro.studies.learn.settling import LEAST_GROUP, SECOND_GROUP, Settling
from asemacro.tasks.progress import duration, progress_bar
from asemacro.typing import Floats

POINTS = 200  # saved times
TRAJECTORIES = 100
HOUR_S = 3600.0  # a run of more is refused
LOOK_S = 120.0  # unless it comes to equilibrium in this time
FIRST_ESTIMATE_S = 0.5
WORTH_SAYING_S = 5.0


def run_simulate(
    directory: str | Path,
    output: str | Path,
    *,
    start: str,
    until: float,
    trajectories: int | None,
    temperature_K: float | None,
    points: int = POINTS,
    force: bool = False,
    seed: int,
) -> None:
    """Verb simulate: trajectories of a learned model as a CSV of time, LABEL_mean and LABEL_std; of an ODE its path.

    The columns of a path are time and LABEL.
    """
    learned = load_learned(directory)
    if not (math.isfinite(until) and until > 0):
        raise ValueError(f"--until {until:g}: must be a positive time")
    try:
        values = [float(part) for part in start.split(",")]
    except ValueError:
        raise ValueError(f"--start {start}: give one number per observable, separated by commas") from None
    _check_temperature(learned, temperature_K)
    z0 = learned.start(values, temperature_K)
    known = [] if temperature_K is None else known_equilibrium(Path(directory), _names(learned), temperature_K)
    path = output_file(output)
    if isinstance(learned, LearnedForces):
        if trajectories is not None:
            raise ValueError(f"--trajectories {trajectories}: an ODE has one path from a start; leave it out")
        header, rows = _path(learned, z0, until, points)
    else:
        count = TRAJECTORIES if trajectories is None else trajectories
        header, rows = _trajectories(learned, z0, until, count, temperature_K, points, force, seed)
    write_csv(path, header, rows.tolist())
    for line in known:
        print(line)
    print(f"wrote {path}")


def _names(learned: LearnedModel) -> tuple[str, ...]:
    return learned.labels or tuple(f"z{k + 1}" for k in range(learned.equation.dim))


def _path(learned: LearnedForces, z0: Floats, until: float, points: int) -> tuple[list[str], Floats]:
    """Header and rows of the path of an ODE."""
    times, z = simulate_ode(learned.ode, z0, until, n_saves=points)
    given = _names(learned)[: learned.n_observed]
    end = ", ".join(f"{label} {value:+.4f}" for label, value in zip(given, z[0, -1], strict=False))
    print(f"one path to time {until:g}: {end}")
    return ["time", *_names(learned)], np.column_stack([times, z[0]])


def _trajectories(
    learned: Learned,
    z0: Floats,
    until: float,
    trajectories: int,
    temperature_K: float | None,
    points: int,
    force: bool,
    seed: int,
) -> tuple[list[str], Floats]:
    """Header and rows of the mean and deviation of an SDE."""
    (stream,) = np.random.SeedSequence(seed).spawn(1)  # of its own: the trajectories are the same without it
    settling = None
    if trajectories >= LEAST_GROUP:
        settling = _settling(learned, temperature_K, np.random.default_rng(stream))
    with progress_bar({"simulate": 1.0}) as report:
        pace = _Pace(until, trajectories, force=force, judged=settling is not None)

        def watch(times: Floats, z: Floats) -> bool:
            now = float(times[0])
            report("simulate", now / until, f"time {now:.3g} of {until:g}")
            pace(now)
            return settling is not None and settling(times, z)

        _, z = simulate(
            learned.sde,
            z0,
            until_s=until,
            condition=temperature_K,
            n_trajectories=trajectories,
            n_saves=points,
            watch=watch,
            rng=np.random.default_rng(seed),
        )
    labels = _names(learned)
    times = np.linspace(0.0, until, points + 1)
    mean, sd = _to_the_end(z.mean(axis=0), z.std(axis=0), len(times), settling)
    columns = ["time", *(f"{label}_{what}" for label in labels for what in ("mean", "std"))]
    rows = np.concatenate([times[:, None], np.stack([mean, sd], axis=2).reshape(len(times), -1)], axis=1)
    end = ", ".join(f"{label} {m:+.4f} +- {s:.4f}" for label, m, s in zip(labels, mean[-1], sd[-1], strict=True))
    print(f"{trajectories} trajectories to time {times[-1]:g}: {end}")
    return columns, rows


def _to_the_end(mean: Floats, sd: Floats, n: int, settling: Settling | None) -> tuple[Floats, Floats]:
    """Mean and deviation at n times: where the run came to equilibrium before the end, those of equilibrium from there.

    What became of the judgement is said in one line.
    """
    if settling is None or settling.time is None:
        if settling is not None and settling.given_up:
            print("run to the end: trajectories from other starts run away, so equilibrium could not be judged")
        return mean, sd
    left = (n - len(mean), 1)
    print(
        f"equilibrium reached at time {settling.time:.4g}: the {left[0]} later times hold the mean and standard "
        "deviation of equilibrium"
    )
    return np.vstack([mean, np.tile(settling.mean, left)]), np.vstack([sd, np.tile(settling.sd, left)])


def _settling(learned: Learned, temperature_K: float | None, rng: np.random.Generator) -> Settling:
    """The judge of equilibrium, with a second group from states of the training, or as wide as they were."""
    sde = learned.sde
    if len(learned.z):
        rows = np.arange(len(learned.z))
        if temperature_K is not None:
            away = np.abs(learned.condition[:, 0] - temperature_K)
            rows = np.flatnonzero(away == away.min())
        starts = learned.z[rng.choice(rows, SECOND_GROUP, replace=len(rows) < SECOND_GROUP)]
    else:
        starts = rng.normal(sde.z_mean.numpy(), sde.z_scale.numpy(), (SECOND_GROUP, sde.dim))
    return Settling(sde, starts, temperature_K, rng=rng)


class _Pace:
    """Says how long a run takes once that is seen, and refuses one of more than an hour.

    Args:
        until: end of the run, in the model's time.
        trajectories: their number.
        force: whether a run of more than an hour is wanted.
        judged: whether it ends at equilibrium; it then has LOOK_S to come to it.
        clock: seconds.
    """

    def __init__(
        self,
        until: float,
        trajectories: int,
        *,
        force: bool,
        judged: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._until, self._trajectories, self._force, self._judged, self._clock = (
            until,
            trajectories,
            force,
            judged,
            clock,
        )
        self._begun: float | None = None
        self._mark = (0.0, 0.0)  # clock and model's time, from where the pace is measured
        self._wait = FIRST_ESTIMATE_S
        self._said = False

    def __call__(self, now: float) -> None:
        """Hear of the model's time that was reached.

        Raises:
            ValueError: the run would take more than an hour.
        """
        clock = self._clock()
        if self._begun is None:
            self._begun, self._mark = clock, (clock, now)
        since, then = self._mark
        if clock - since < self._wait or not now > then:
            return
        speed = (now - then) / (clock - since)
        elapsed, left = clock - self._begun, (self._until - now) / speed
        self._mark, self._wait = (clock, now), 2 * self._wait
        if not self._said and left > WORTH_SAYING_S:
            self._said = True
            ends = "sooner if equilibrium is reached first" if self._judged else self._not_judged()
            print(f"to time {self._until:g} it takes about {duration(elapsed + left)}, {ends}", flush=True)
            return
        if elapsed + left > HOUR_S and not self._force and (not self._judged or elapsed >= LOOK_S):
            looked = f" and equilibrium was not reached in the first {duration(elapsed)}" if self._judged else ""
            raise ValueError(
                f"--until {self._until:g}: would take about {duration(elapsed + left)}{looked}; an hour comes to time "
                f"{now + speed * (HOUR_S - elapsed):.2g}, --force runs it all the same"
            )

    def _not_judged(self) -> str:
        return f"whether at equilibrium or not: {self._trajectories} trajectories are too few to tell ({LEAST_GROUP})"


def _check_temperature(learned: LearnedModel, temperature_K: float | None) -> None:
    equation = learned.equation
    if equation.n_conditions == 0:
        if temperature_K is not None:
            raise ValueError("this model was learned at one temperature; leave --temperature out")
        return
    centre, spread = (float(v) for v in equation.condition_centre)
    low, high = sorted(1 / (centre + spread * float(end)) for end in equation.condition_range)
    if temperature_K is None:
        raise ValueError(f"this model depends on temperature; give --temperature from {low:.6g} to {high:.6g} K")
    if not low * (1 - 1e-6) <= temperature_K <= high * (1 + 1e-6):
        raise ValueError(f"--temperature {temperature_K:g}: the model was learned from {low:.6g} to {high:.6g} K")
