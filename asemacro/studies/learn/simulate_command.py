"""The command simulate: trajectories of a learned model as a table, to the end or to equilibrium."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.arguments.checks import temperature_of
from asemacro.files.store import output_file, write_csv
from asemacro.macro.trajectories import simulate
from asemacro.studies.alloy.known_equilibrium import known_equilibrium
from asemacro.studies.fields.learned import LearnedFields
from asemacro.studies.fields.simulate_command import simulate_learned_fields
from asemacro.studies.fields.starts import Asked
from asemacro.studies.forces.learned import LearnedForces
from asemacro.studies.forces.path import path_rows
from asemacro.studies.forces.remarks import remarks_on_path
from asemacro.studies.learn.learned import Learned
from asemacro.studies.learn.loading import load_learned
from asemacro.studies.learn.model import LearnedModel
from asemacro.studies.learn.pace import Pace
from asemacro.studies.learn.settling import LEAST_GROUP, SECOND_GROUP, Settling
from asemacro.tasks.progress import progress_bar
from asemacro.typing import Floats

POINTS = 200  # saved times
TRAJECTORIES = 100


def run_simulate(
    directory: str | Path,
    output: str | Path,
    *,
    start: str,
    until: float,
    trajectories: int | None,
    temperature: float | None,
    fields: Mapping[str, Any],
    points: int = POINTS,
    force: bool = False,
    seed: int,
) -> None:
    """Verb simulate: trajectories of a learned model as a CSV of time, LABEL_mean and LABEL_std; of an ODE its path.

    The columns of a path are time, LABEL and beyond (1 where it means nothing). `fields` are the options that only
    field equations have, see `fields.starts.Asked`, but for `sites`: of an SDE the size of the specimens that the
    deviation is between.
    """
    learned = load_learned(directory)
    if not (math.isfinite(until) and until > 0):
        raise ValueError(f"--until {until:g}: must be a positive time")
    if isinstance(learned, LearnedFields):
        if trajectories is not None:
            raise ValueError(f"--trajectories {trajectories}: fields have one run; start several with different --seed")
        asked = Asked(start, until, temperature, points=points, force=force, **fields)
        simulate_learned_fields(learned, output_file(output), asked, seed=seed)
        return
    sites = fields["sites"]
    if sites is not None and isinstance(learned, LearnedForces):
        raise ValueError(f"--sites {sites}: an ODE has no noise that depends on them; leave it out")
    for option in (name for name, value in fields.items() if name != "sites" and value not in (None, False)):
        raise ValueError(f"--{option} belongs to block fields; the model in {directory} has no grid")
    temperature_K = None if temperature is None else temperature_of(temperature, "--temperature")
    values = _numbers(start)
    _check_temperature(learned, temperature_K)
    learned.checked_start(values, temperature_K)  # refused before a word is said of what is done
    if trajectories is not None and isinstance(learned, LearnedForces):
        raise ValueError(f"--trajectories {trajectories}: an ODE has one path from a start; leave it out")
    path = output_file(output)
    z0 = learned.start(values, temperature_K)
    known = [] if temperature_K is None else known_equilibrium(Path(directory), _names(learned), temperature_K)
    if isinstance(learned, LearnedForces):
        for line in remarks_on_path(directory, learned, values, until):
            print(line)
        header, rows = path_rows(learned, z0, until, points, force=force)
    else:
        count = TRAJECTORIES if trajectories is None else trajectories
        header, table = _trajectories(learned, z0, until, count, temperature_K, points, force, seed, sites)
        rows = table.tolist()
    write_csv(path, header, rows)
    for line in known:
        print(line)
    print(f"wrote {path}")


def _numbers(start: str) -> list[float]:
    """The numbers of --start.

    Raises:
        ValueError: one line; something else, or none that is finite.
    """
    try:
        values = [float(part) for part in start.split(",")]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"--start {start}: give one finite number per observable, separated by commas")
    return values


def _names(learned: LearnedModel) -> tuple[str, ...]:
    return learned.labels or tuple(f"z{k + 1}" for k in range(learned.equation.dim))


def _trajectories(
    learned: Learned,
    z0: Floats,
    until: float,
    trajectories: int,
    temperature_K: float | None,
    points: int,
    force: bool,
    seed: int,
    sites: int | None,
) -> tuple[list[str], Floats]:
    """Header and rows of the mean and deviation of an SDE, for as many sites."""
    if sites is not None and learned.sde.sites is not None:
        print(
            f"of {sites} sites; the noise learned for {learned.sde.sites} sites times {learned.sde.sites / sites:.4g}"
        )
    (stream,) = np.random.SeedSequence(seed).spawn(1)  # of its own: the trajectories are the same without it
    settling = None
    if trajectories >= LEAST_GROUP:
        settling = _settling(learned, temperature_K, sites, np.random.default_rng(stream))
    with progress_bar({"simulate": 1.0}) as report:
        few = f", whether at equilibrium or not: {trajectories} trajectories are too few to tell ({LEAST_GROUP})"
        pace = Pace(until, few, force=force, judged=settling is not None)

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
            sites=sites,
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


def _settling(learned: Learned, temperature_K: float | None, sites: int | None, rng: np.random.Generator) -> Settling:
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
    return Settling(sde, starts, temperature_K, sites=sites, rng=rng)


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
