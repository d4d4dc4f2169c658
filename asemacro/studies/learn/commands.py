"""What the command learn does: read, check, run, say, write."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.data import Moments
from asemacro.files.store import run_record
from asemacro.labels.moments import patch_moments
from asemacro.lattice.reading.structure_file import Reading
from asemacro.micro.blocks import observed_bounds
from asemacro.observables.joined import Observables
from asemacro.studies.fields.commands import FILES, learn_alloy_fields, learn_fields
from asemacro.studies.fields.systems import NAMES as FIELD_NAMES
from asemacro.studies.forces.commands import Asked, learn_forces
from asemacro.studies.forces.systems import NAMES as FORCE_NAMES
from asemacro.studies.learn.figures import Path as Course
from asemacro.studies.learn.figures import draw_diagnostics, explained, follow, noise_ratio
from asemacro.studies.learn.given_options import NO_ALLOYS, one_temperature, refuse_foreign
from asemacro.studies.learn.learned import Learned, learn_from_moments, polynomial_sde
from asemacro.studies.learn.systems import NAMES, Setup, setup
from asemacro.tasks.parts import part
from asemacro.tasks.progress import part_of, progress_bar
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report
from asemacro.upsampling.ensemble import LargeSnapshots, snapshots

HELD = 5  # every fifth start is held out
SHOWN = 4  # held-out courses in diagnostics.png
LEAST_STARTS = 25
ALLOYS = ("barriers", "hops", "workers", "shell_tolerance")
FORCES = ("calculator", "observable", "ensemble", "trajectories", "until", "drift", "fits")
FIELDS = ("block", "spins", "component", "duration", "range", "kernel", "exchange", "anisotropy", "damping")
"""Options of learn: those of alloys, those that only deterministic systems have, and those of block fields."""


def run_learn(system: str, files: Sequence[Path], output: str | Path, *, force: bool = False, **options: Any) -> None:
    """Verb learn: sde.safetensors, training.safetensors, closure.safetensors (if any), run.json, diagnostics.png.

    Of deterministic systems ode.safetensors and encoder.safetensors in place of the first and third; of block fields
    spde.safetensors, kernel.csv and mobility.csv.
    """
    with RunFolder(output, "learn", force=force) as folder:
        _run_learn(system, files, folder, **options)


def _run_learn(
    system: str,
    files: Sequence[Path],
    folder: RunFolder,
    *,
    reading: Reading,
    mix_sublattices: bool,
    seed: int,
    closure: str | None,
    **options: Any,
) -> None:
    started = time.perf_counter()
    forces, fields = ({name: options.pop(name) for name in names} for names in (FORCES, FIELDS))
    if system in ("kac-ising", "heisenberg", FILES) or (system == "ising" and fields["block"] is not None):
        _refuse_others(system, forces, FORCE_NAMES)
        refuse_foreign(system, options, ALLOYS, reading, mix_sublattices)
        given = _without(options, "small", "closure", "fraction", closure=closure)
        learn_fields(system, files, folder, seed=seed, started=started, **given, **fields)
        return
    if system == "alloy" and fields["block"] is not None and len(files) == 1:
        _refuse_others(system, forces, FORCE_NAMES)
        given = _without(options, "small", "closure", "fraction", "hops", "workers", closure=closure)
        given["mix_sublattices"] = mix_sublattices
        learn_alloy_fields(files[0], folder, reading=reading, seed=seed, started=started, **given, **fields)
        return
    _refuse_others(system, fields, (*FIELD_NAMES, FILES))
    if len(files) > 1:
        raise ValueError(f"learn {system} takes one structure file at most; {files[1]} is left over")
    structure = files[0] if files else None
    if system in FORCE_NAMES:
        foreign = (*NO_ALLOYS, *ALLOYS)
        own = ("format", "types", "index") if system == "particles" else ()
        refuse_foreign(system, options, foreign, [name for name in reading if name not in own], mix_sublattices)
        if system != "particles":
            _refuse_structure(system, structure)
        temperature = one_temperature(options.pop("temperature"))
        asked = Asked(system, structure, reading, temperature=temperature, closure=closure, **options, **forces)
        learn_forces(asked, folder, seed=seed, started=started)
        return
    _refuse_others(system, forces, FORCE_NAMES)
    if system == "alloy":
        from asemacro.studies.alloy.learning import learn_alloy

        if structure is None:
            raise ValueError("learn alloy needs a structure file: asemacro learn alloy STRUCTURE -o DIR")
        options |= {"reading": reading, "mix_sublattices": mix_sublattices, "closure": closure}
        learn_alloy(structure, folder, seed=seed, started=started, **options)
        return
    _refuse_structure(system, structure)
    if system not in NAMES:
        known = ", ".join((*NAMES, *(name for name in (*FIELD_NAMES, FILES) if name not in NAMES), *FORCE_NAMES))
        raise ValueError(f"there is no system {system!r}; there are {known}, and alloy")
    refuse_foreign(system, options, ALLOYS, reading, mix_sublattices)
    _learn_system(system, folder, started=started, seed=seed, closure=closure, **options)


def _learn_system(
    system: str,
    folder: RunFolder,
    *,
    started: float,
    seed: int,
    closure: str | None,
    starts: int | None,
    fraction: float | None,
    **options: Any,
) -> None:
    """Spins and fields."""
    share = 1.0 if fraction is None else fraction
    if not 0 < share <= 1:
        raise ValueError(f"--fraction {share:g}: must lie above 0 and be at most 1")
    made_of = setup(system, **{**options, "temperature": one_temperature(options["temperature"])})
    dims = _closure_dims(closure)
    if dims is not None and system == "curie-weiss":
        raise ValueError("M of the Curie-Weiss model is Markov by itself; leave --closure out")
    count = made_of.n_starts if starts is None else starts
    if count < LEAST_STARTS:
        raise ValueError(f"--starts {count}: at least {LEAST_STARTS}, a fifth of them is held out")
    rng = np.random.default_rng(seed)
    n = made_of.settings["sites"]
    print(f"{system}, {n} sites learned from {made_of.settings['small']}, observables {', '.join(made_of.phi.labels)}")
    arguments = {"system": system, **made_of.settings, "starts": count, "fraction": share, "closure": closure}
    folder.keep_parts({**arguments, "lattice": made_of.small.lattice, "seed": seed})
    with progress_bar(*_stages(closed=dims is not None)) as report, one_thread():
        made = snapshots(
            made_of.small,
            made_of.starts(count, rng),
            made_of.ages,
            made_of.copies,
            made_of.how,
            trajectories=made_of.trajectories,
            rng=rng,
            progress=part_of(report, "runs"),
        )
        learned, found, result = _learn(made_of, made, share, dims, report, rng)
    files = dict(learned.files())
    if found is not None:
        from asemacro.closure.file import save_closure

        files["closure.safetensors"] = lambda path: save_closure(path, found)
    files["diagnostics.png"] = result.pop("figure").savefig
    wall = time.perf_counter() - started
    written = folder.publish(files, run_record(arguments, seed, wall, **result))
    say_quality(result)
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")


def _without(options: Mapping[str, Any], *names: str, **more: Any) -> dict[str, Any]:
    """Options without those that block fields do not have; one line about the first of them that was given."""
    every = {**options, **more}
    for name in names:
        if every.pop(name) is not None:
            raise ValueError(f"--{name}: block fields have no such option; leave it out")
    return every


def _refuse_others(system: str, options: Mapping[str, Any], owners: Sequence[str]) -> None:
    """One line about the first option that was given although only others have it."""
    for name in (name for name, value in options.items() if value is not None):
        raise ValueError(f"--{name} belongs to {', '.join(owners)}, not to {system}")


def _refuse_structure(system: str, structure: str | Path | None) -> None:
    if structure is not None:
        lattice = " (give --lattice FILE)" if system == "ising" else ""
        raise ValueError(f"{system} takes no structure file{lattice}; {structure} is left over")


def _stages(*, closed: bool) -> list[dict[str, float]]:
    """Tasks of `run_learn` and the seconds that they take on an ordinary core."""
    closure = {"closure": 10.0} if closed else {}
    return [{"runs": 5.0}, {"labels": 1.0}, closure, {"fit": 5.0}]


def _learn(
    made_of: Setup,
    made: LargeSnapshots,
    fraction: float,
    dims: Any,
    report: Report,
    rng: np.random.Generator,
) -> tuple[Learned, Any, dict[str, Any]]:
    """Labels, closure, fit on the starts that are not held out, and what the held-out ones say."""
    held = made.start % HELD == 0
    lattice = made.system.lattice
    phi, found, moments = _labels(made_of, made, fraction, dims, report, rng)
    report("fit", 0.0, "fit the SDE")
    model = polynomial_sde(phi.labels, lattice.n_sites, degrees=made_of.degrees(phi.dim))
    observed = made_of.phi.dim
    learned = learn_from_moments(
        moments.take(~held),
        phi.labels,
        lattice.n_sites,
        n_observed=observed,
        bounds=observed_bounds(phi, made.x[:1], lattice),
        sde=model,
        rng=rng,
    )
    unseen = moments.take(held)
    paths = _held_out_courses(made_of, made, moments, learned, rng)
    report("fit", 1.0, "")
    result = {
        "labels": list(phi.labels),
        "observed": observed,
        "sites": lattice.n_sites,
        "snapshots": len(made),
        "drift_explained_held_out": dict(zip(phi.labels, explained(learned.sde, unseen).tolist(), strict=True)),
        "variance_rate_held_out_over_learned": dict(
            zip(phi.labels, noise_ratio(learned.sde, unseen).tolist(), strict=True)
        ),
        "path_pull": float(np.sqrt(np.mean([path.pull**2 for path in paths]))),
        "degrees": list(learned.report.degrees) if learned.report else None,
        "figure": draw_diagnostics(learned.sde, unseen, paths, unit="time"),
    }
    return learned, found, result


def _labels(
    made_of: Setup, made: LargeSnapshots, fraction: float, dims: Any, report: Report, rng: np.random.Generator
) -> tuple[Any, Any, Moments]:
    """The variables, the closure among them (None: there is none), and their rates in all snapshots."""
    held = made.start % HELD == 0

    def labels(of: Any) -> Moments:
        return part(
            "labels",
            lambda: patch_moments(made.system, made.x, of, fraction, group=made.start, rng=rng),
            rng=rng,
            kinds=(Moments,),
        )

    report("labels", 0.0, "rates of the snapshots")
    phi, moments = made_of.phi, labels(made_of.phi)
    report("labels", 1.0, "")
    if dims is None:
        return phi, None, moments
    from asemacro.closure.fit import fit_closure

    report("closure", 0.0, "fit closure variables")
    fitted = fit_closure(made.x[~held], made.system.lattice, phi, dims, moments=moments.take(~held), rng=rng)
    found = None if fitted is None else fitted.model
    if found is not None:
        phi = Observables([phi, found])
        moments = labels(phi)
    report("closure", 1.0, "")
    return phi, found, moments


def _held_out_courses(
    made_of: Setup, made: LargeSnapshots, moments: Moments, learned: Learned, rng: np.random.Generator
) -> list[Course]:
    """Courses of held-out starts, evenly from the lowest to the highest, and those of the model."""
    first = np.flatnonzero((made.start % HELD == 0) & (made.age == 0))
    ranked = made.start[first[np.argsort(moments.z[first, 0], kind="stable")]]
    paths = []
    for number in ranked[np.unique(np.linspace(0, len(ranked) - 1, SHOWN).astype(int))]:
        rows = np.flatnonzero(made.start == number)
        z = moments.z[rows]
        name = ", ".join(f"{label} = {value:.2f}" for label, value in zip(learned.labels[:1], z[0], strict=False))
        share = made_of.trajectories / made_of.copies
        paths.append(follow(learned.sde, f"from {name}", made.age[rows], z, share=share, rng=rng))
    return paths


def say_quality(result: dict[str, Any]) -> None:
    """Three lines that tell whether to trust the model."""
    drift = ", ".join(f"{k} {v:.4f}" for k, v in result["drift_explained_held_out"].items())
    noise = ", ".join(f"{k} {v:.3f}" for k, v in result["variance_rate_held_out_over_learned"].items())
    print(f"held-out drift labels, part explained: {drift}")
    print(f"held-out variance rates over the learned: {noise}")
    pull = result["path_pull"]
    print(f"held-out courses, rms distance from the learned mean: {pull:.2f} of its sd (1 is right)")
    if not pull < 3:
        print("the model does not follow the data: look at diagnostics.png, give more --starts or a --closure")


def _closure_dims(text: str | None) -> Any:
    """None, "auto" or a number of closure variables."""
    if text is None or text == "auto":
        return text
    if text not in ("0", "1", "2", "3"):
        raise ValueError(f"--closure {text}: give auto, or a number of variables from 0 to 3")
    return int(text) or None
