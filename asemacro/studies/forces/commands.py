"""What the command learn does with deterministic systems: run, learn from forces on a few carriers, compare, write."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.files.store import run_record, without_nan
from asemacro.force_data import Layout
from asemacro.labels.forces import check_enough
from asemacro.lattice.reading.structure_file import Reading
from asemacro.micro.force_runs import make_force_data
from asemacro.micro.force_system import active_of
from asemacro.studies.forces.errors import encode, encode_along, follow, trajectory_error
from asemacro.studies.forces.figures import Comparison, draw_paths
from asemacro.studies.forces.learned import LearnedForces
from asemacro.studies.forces.learning import DRIFTS, check_at_starts, check_variables, learn_from_forces, stages
from asemacro.studies.forces.particles import Particles, particle_setup
from asemacro.studies.forces.remarks import percent, ranges_of, remark_on_error
from asemacro.studies.forces.systems import ForceSetup, force_setup
from asemacro.tasks.progress import part_of, progress_bar
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats, Report

ASIDE = 0.1  # angstrom, or in the unit of a state: the farthest that its numbers are moved to tell calculators apart
FITS = 5
TESTS = 0.2  # runs that are compared with, over those that are learned from
MOST_DIMS = 64
FAR = 10  # widths of the training states, by which a run to compare with may start outside of them


@dataclasses.dataclass(frozen=True)
class Asked:
    """What `learn` was asked for, of a deterministic system; None stands for what suits the system.

    Attributes:
        system: a name of `systems.NAMES`.
        structure: file, of particles.
        reading: how it is to be read.
        sites: cells or atoms.
        temperature: in K of particles, in reduced units of a Lennard-Jones fluid.
        closure: number of variables that an encoder adds.
        fraction: part of the carriers whose forces are computed.
        calculator: of particles.
        observable: of particles.
        ensemble: of particles.
        trajectories: runs that are learned from.
        until: their end.
        drift: form of the equation.
        fits: from different first parameters.
    """

    system: str
    structure: str | Path | None
    reading: Reading
    sites: int | None
    temperature: float | None
    closure: str | None
    fraction: float | None
    calculator: str | None
    observable: str | None
    ensemble: str | None
    trajectories: int | None
    until: float | None
    drift: str | None
    fits: int | None

    def setup(self) -> ForceSetup:
        """The system, with what was asked for in place of its defaults.

        Raises:
            ValueError: one line; options that the system does not have, or that make no sense.
        """
        if self.system == "particles":
            if self.structure is None:
                example = "asemacro learn particles STRUCTURE --calculator NAME -o DIR"
                raise ValueError(f"learn particles needs a structure file: {example}")
            if self.sites is not None:
                raise ValueError(f"--sites {self.sites}: particles are those of the structure file; leave it out")
            asked = (self.reading, self.calculator, self.observable, self.ensemble, self.temperature)
            made = particle_setup(Particles(self.structure, *asked))
        else:
            for option in ("calculator", "observable", "ensemble"):
                if self.__dict__[option] is not None:
                    raise ValueError(f"--{option} belongs to particles, not to {self.system}")
            made = force_setup(self.system, self.sites, self.temperature)
        if self.drift is not None and self.drift not in DRIFTS:
            raise ValueError(f"--drift {self.drift}: give one of {', '.join(DRIFTS)}")
        names = ("fraction", "trajectories", "until", "drift")
        given: dict[str, Any] = {name: self.__dict__[name] for name in names}
        given["dims"] = None if self.closure is None else _dims(self.closure)
        return dataclasses.replace(made, **{name: value for name, value in given.items() if value is not None})


def _dims(text: str) -> int:
    """The number in --closure."""
    if not (text.isdecimal() and int(text) <= MOST_DIMS):
        raise ValueError(f"--closure {text}: give a number of variables from 0 to {MOST_DIMS}")
    return int(text)


def learn_forces(asked: Asked, folder: RunFolder, *, seed: int, started: float) -> None:
    """ode.safetensors, training.safetensors, encoder.safetensors (if any), run.json, diagnostics.png."""
    made_of = asked.setup()
    check_variables(made_of.phi, made_of.dims, made_of.drift)
    states = made_of.trajectories * made_of.times
    check_enough(states, made_of.fraction, made_of.phi.dim + made_of.dims, "micro")
    rng = np.random.default_rng(seed)
    fits = FITS if asked.fits is None else asked.fits
    n = made_of.system.n_carriers
    m = active_of(n, made_of.fraction)
    print(
        f"{asked.system}: forces on {m} of {n} {_carriers(made_of)} in each state, observables "
        f"{', '.join(made_of.phi.labels)}, {made_of.dims} learned beside them"
    )
    arguments = {
        "system": asked.system,
        **made_of.settings,
        "closure": made_of.dims,
        "fraction": made_of.fraction,
        "trajectories": made_of.trajectories,
        "until": made_of.until,
        "drift": made_of.drift,
        "fits": fits,
    }
    with one_thread():
        tests = max(2, round(TESTS * made_of.trajectories))
        starts = made_of.starts(made_of.trajectories + tests, rng)
        check_at_starts(made_of.phi, starts)
        folder.keep_parts({**arguments, **_contents(made_of), "seed": seed})
        with progress_bar({"runs": 20.0}, *stages(made_of.dims), {"compare": 5.0}) as report:
            learned, found, result = _learn(made_of, fits, starts, tests, report, rng)
    files = {**learned.files(), "diagnostics.png": draw_paths(found).savefig}
    wall = time.perf_counter() - started
    written = folder.publish(files, run_record(arguments, seed, wall, **result))
    _say_quality(result)
    print(ranges_of(learned))
    poor = remark_on_error(result)
    if poor is not None:
        print(poor)
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")


def _carriers(made_of: ForceSetup) -> str:
    return "atoms" if made_of.system.layout.width == 3 else "numbers"


def _contents(made_of: ForceSetup) -> dict[str, Any]:
    """What the arguments of particles name, itself: of the structure, the calculator and the observable, what they give
    for a few states, starts and others beside: on a perfect lattice alone, many calculators give the same forces, none.

    The starts are not those of the run: they depend on nothing but these, not on its seed.
    """
    if "calculator" not in made_of.settings:
        return {}
    starts = made_of.starts(2, np.random.default_rng(0))
    some = np.concatenate([starts, _displaced(starts, made_of.system.layout)])
    return {
        "structure": starts,
        "forces of the calculator": made_of.system.forces(some),
        "observable": encode(made_of.phi, some),
    }


def _displaced(x: Floats, layout: Layout) -> Floats:
    """States (b, N) a little beside others, always the same ones: each carrier by a length of its own towards the mean
    of all, which keeps atoms in their box.
    """
    places = x.reshape(len(x), layout.blocks, layout.n_carriers, layout.width)
    way = places.mean(axis=2, keepdims=True) - places
    length = np.linalg.norm(way, axis=3, keepdims=True)
    share = np.random.default_rng(0).uniform(size=length.shape) * np.minimum(1.0, ASIDE / np.maximum(length, ASIDE))
    return (places + share * way).reshape(x.shape)


def _learn(
    made_of: ForceSetup, fits: int, starts: Floats, tests: int, report: Report, rng: np.random.Generator
) -> tuple[LearnedForces, Comparison, dict[str, Any]]:
    """The runs, the model, and how it follows runs, the first `tests` of them, that it was not shown."""
    times = np.linspace(0.0, made_of.until, made_of.times)
    data = make_force_data(
        made_of.system,
        starts[tests:],
        made_of.time * times,
        fraction=made_of.fraction,
        keep=made_of.keep,
        rng=rng,
        progress=part_of(report, "runs"),
    )
    kept = made_of.phi.dim + made_of.dims
    known = min(data.components([0]).shape[1], len(data) // 10)  # more rates than numbers or states cannot be told
    beside = max(0, min(made_of.beside, known - kept))
    learned = learn_from_forces(
        data,
        made_of.phi,
        made_of.dims + beside if made_of.dims else 0,
        drift=made_of.drift,
        seeds=fits,
        encoder_options=made_of.encoder_options,
        fit_options=made_of.fit_options,
        kept=kept if made_of.dims and beside else None,
        rng=rng,
        progress=report,
    )
    for ode in (learned.ode, *learned.members):
        ode.slow_down(1 / made_of.time)  # from the unit of the system to that of people
    least = np.full((learned.ode.dim, 2), [-np.inf, np.inf])
    least[: len(made_of.least), 0] = made_of.least
    assert learned.runs is not None
    runs = dataclasses.replace(learned.runs, times=learned.runs.times / made_of.time)
    learned = dataclasses.replace(learned, bounds=least, runs=runs)
    report("compare", 0.0, "runs to compare with")
    found = _compared(made_of, learned, starts[:tests], times)
    report("compare", 1.0, "")
    return learned, found, _result(learned, found)


def _compared(made_of: ForceSetup, learned: LearnedForces, starts: Floats, times: Floats) -> Comparison:
    """Runs from starts (n, N) that the model was not shown, its paths, and the errors of all fits."""
    phi, system = learned.encoder or made_of.phi, made_of.isolated or made_of.system
    truth = encode_along(made_of.phi, system.states_at(starts, made_of.time * times))
    low, high = learned.z.min(axis=0), learned.z.max(axis=0)
    z0 = encode(phi, starts)
    near = (np.maximum(low - z0, z0 - high) <= FAR * (high - low)).all(axis=1)  # others take steps without end
    best = 0 if learned.report is None else learned.report.best
    errors = np.full((len(learned.members), len(starts)), np.inf)
    paths = np.full((len(starts), len(times), learned.ode.dim), np.inf)
    if near.any():
        paths[near] = follow(learned.ode, z0[near], times)
        for fit, ode in enumerate(learned.members):
            errors[fit, near] = trajectory_error(ode, phi, starts[near], times, truth[near])
    return Comparison(
        made_of.axes or made_of.phi.labels, times, made_of.unit, truth, paths, errors, int((~near).sum()), best
    )


def _result(learned: LearnedForces, found: Comparison) -> dict[str, Any]:
    """What run.json says of the model; errors of models that run away are null."""
    about, each = learned.report, found.errors.mean(axis=1)
    assert about is not None
    return {
        "labels": list(learned.labels),
        "observed": learned.n_observed,
        "states": about.n_states,
        "force_evaluations": about.force_evaluations,
        "force_evaluations_of_all_carriers": about.full_force_evaluations,
        "loss_held_out": list(about.losses),
        "reconstruction_held_out": about.reconstruction,
        "kappa": about.kappa,
        "relative_error": without_nan(float(each[about.best])),
        "relative_error_of_each_fit": [without_nan(float(value)) for value in each],
        "runs_not_followed": found.far,
        "unit_of_time": found.unit,
    }


def _say_quality(result: dict[str, Any]) -> None:
    """Three lines that tell whether to trust the model, and more where it is not to be trusted."""
    names = ("relative_error", "relative_error_of_each_fit")
    error, *each = (np.inf if v is None else v for v in (result[names[0]], *result[names[1]]))
    print(
        f"runs that it was not shown, relative error: {percent(error)}; of all {len(each)} fits from "
        f"{percent(min(each))} to {percent(max(each))}, median {percent(np.median(each))}"
    )
    rebuilt = result["reconstruction_held_out"]
    encoder = "" if rebuilt is None else f"; encoder: {rebuilt:.2g} of the spread of the states is not rebuilt"
    kappa = result["kappa"]
    print(
        f"kappa {kappa:.3g} (1 is best: an error of dz/dt counts up to {kappa:.3g} times less in one direction of z "
        f"than in another){encoder}"
    )
    print(
        f"{result['force_evaluations']:,} forces computed for the labels, "
        f"{result['force_evaluations_of_all_carriers']:,} are all of them"
    )
    if result["runs_not_followed"]:
        print(
            f"{result['runs_not_followed']} of the runs to compare with start more than {FAR} times the width of the "
            "training states away from them: their errors count as infinite; give more --trajectories"
        )
