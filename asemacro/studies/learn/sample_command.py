"""What the command sample does: read, check, run, say, write."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.files.extxyz import write_extxyz
from asemacro.files.frames import write_frames
from asemacro.files.store import run_record, write_csv
from asemacro.lattice.reading.structure_file import Reading, locate
from asemacro.micro.blocks import observe
from asemacro.micro.protocol import MicroSystem
from asemacro.micro.sampling import course
from asemacro.studies.alloy.kmc_command import at_time, run_kmc
from asemacro.studies.learn.given_options import one_temperature, refuse_foreign
from asemacro.studies.learn.sample_pause import SamplePause
from asemacro.studies.learn.sampled import NAMES, OWN, Sampled, sampled
from asemacro.tasks.checkpoint import Entry
from asemacro.tasks.generator_state import restore, state_text
from asemacro.tasks.keeper import Keeper
from asemacro.tasks.patience import Patience
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.publication import Files
from asemacro.tasks.run_folder import RunFolder
from asemacro.typing import Floats

POINTS = 200  # saved times
FRAMES = 50  # of the trajectory, after the first
EVERY = POINTS // FRAMES


def run_sample(system: str, output: str | Path, *, force: bool = False, **options: Any) -> None:
    """Verb sample: observables.csv, trajectory.amz.zip and final.extxyz of the first run, run.json."""
    if system in NAMES:
        with RunFolder(output, "sample", force=force) as folder:
            _sample_system(system, folder, **options)
    else:
        _sample_structure(system, output, force=force, **options)


def _sample_system(
    system: str,
    folder: RunFolder,
    *,
    reading: Reading,
    mix_sublattices: bool,
    until: float | None,
    runs: int,
    start: float | None,
    temperature: str | None,
    seed: int,
    **options: Any,
) -> None:
    """Runs of spins or fields."""
    refuse_foreign(system, options, ("barriers", "hops", "shell_tolerance"), reading, mix_sublattices)
    started = time.perf_counter()
    of = sampled(system, temperature=one_temperature(temperature), **options)
    end = of.until if until is None else until
    lattice = of.system.lattice
    bound_of_memory(of.bytes_a_site * lattice.n_sites * (runs + FRAMES + 2), f"{runs} runs of {lattice.n_sites} sites")
    rng = np.random.default_rng(seed)
    x0 = of.starts(start, runs, rng)
    times = np.linspace(0.0, end, POINTS + 1)
    inputs = {"system": {"name": system, **of.settings}, "start": x0, "times": times, "seed": rng}
    z, shown = _observed(of, x0, times, rng, folder.checkpoint.entry("sample", inputs))
    rows = [[run, float(t), *z[run, k]] for run in range(runs) for k, t in enumerate(times)]
    seen = [{"time": float(t)} for t in times[::EVERY]]
    final = at_time(of.system.atoms_of(shown[-1]), **seen[-1])
    wall = time.perf_counter() - started
    arguments = {"system": system, **of.settings, "until": end, "runs": runs, "start": start}
    files: Files = {
        "observables.csv": lambda path: write_csv(path, ["run", "time", *of.phi.labels], rows),
        "final.extxyz": lambda path: write_extxyz(path, [final]),
        "trajectory.amz.zip": lambda path: write_frames(path, _columns(of.system, shown), seen),
    }
    written = folder.publish(files, run_record(arguments, seed, wall))
    late = z[:, len(times) // 2 :].mean(axis=(0, 1))
    means = ", ".join(f"{label} {value:+.4f}" for label, value in zip(of.phi.labels, late, strict=True))
    print(
        f"{of.name}, {lattice.n_sites} sites, {runs} {'run' if runs == 1 else 'runs'} to time {end:g}; "
        f"mean of the second half: {means}"
    )
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.1f} s")


def _columns(system: MicroSystem, shown: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """States as columns of a file of frames; places are the same in all, so they are held once."""
    from asemacro.files.ase_format import columns_of_states

    first = system.atoms_of(shown[0])
    states: dict[str, list[NDArray[Any]]] = {n: [] for n in first.arrays if n not in ("numbers", "positions")}
    for x in shown:
        arrays = system.atoms_of(x).arrays
        for name, values in states.items():
            values.append(arrays[name])
    return columns_of_states(first, **{name: np.stack(values) for name, values in states.items()})


def _observed(
    of: Sampled, x0: NDArray[Any], times: Floats, rng: np.random.Generator, entry: Entry
) -> tuple[Floats, list[NDArray[Any]]]:
    """What is measured in all runs, and the states that are shown; goes on from where the same runs were stopped."""
    runs, lattice = len(x0), of.system.lattice
    z: Floats = np.zeros((runs, len(times), of.phi.dim))
    shown: list[NDArray[Any]] = []
    n_bytes = z.nbytes + (FRAMES + 2) * x0[0].nbytes
    keeper = Keeper(entry, SamplePause.read, n_bytes, f"{lattice.n_sites} sites")
    if (before := keeper.before) is not None:
        z, shown = before.z, list(before.shown)
        where = f"{before.run} of {runs} runs and {before.seen} of {len(times)} times of the next one"
        print(f"goes on after {where}, of the same runs that were stopped")
    patience = Patience(f"the sampling of {runs} {'run' if runs == 1 else 'runs'}")
    with progress_bar({"runs": 1.0}) as report, keeper:
        for run, stream in enumerate(rng.spawn(runs)):
            if before is not None and run < before.run:
                continue
            seen, x, sites, since = 0, x0[run], None, 0.0
            if before is not None and run == before.run:
                restore(stream, before.generator)
                seen, x, sites, since = before.seen, before.x, before.sites, times[before.seen - 1]
            states = course(of.system, x, times[seen:], stream, sites=sites, since=since)
            for k, (now, here) in enumerate(states, start=seen):
                z[run, k] = observe(of.phi, now[None], lattice)[0]
                if run == 0 and k % EVERY == 0:
                    shown.append(now)
                keeper.take(SamplePause(z, tuple(shown), now, here, run, k + 1, state_text(stream)))
                share = (run + k / POINTS) / runs
                patience.done(share)
                order = ", ".join(f"{name} {m:+.3f}" for name, m in zip(of.phi.labels, z[run, k], strict=True))
                report("runs", share, f"{run} of {runs} runs, time {times[k]:.4g}, {order}")
    return z, shown


def _sample_structure(
    system: str,
    output: str | Path,
    *,
    force: bool,
    reading: Reading,
    mix_sublattices: bool,
    runs: int,
    start: float | None,
    temperature: str | None,
    until: float | None,
    seed: int,
    **options: Any,
) -> None:
    """A structure file: vacancy KMC, the verb kmc."""
    try:
        locate(system)
    except ValueError as error:
        raise ValueError(f"{error} (nor is it one of {', '.join(NAMES)})") from None
    t = one_temperature(temperature)
    if t is None:
        raise ValueError("sampling an alloy needs --temperature in K")
    foreign = {"start": start, **options}
    for option in ("field", "lattice", "start", *(name for names in OWN.values() for name in names)):
        if foreign[option] is not None:
            raise ValueError(f"an alloy has no --{option}")
    if runs != 1:
        raise ValueError("an alloy is sampled by one run; start several with different --seed")
    if options["hops"] is not None and until is not None:
        raise ValueError("give either --hops or --until, not both")
    run_kmc(
        system,
        output,
        force=force,
        reading=reading,
        mix_sublattices=mix_sublattices,
        shell_tolerance=options["shell_tolerance"],
        temperature_K=t,
        hops=options["hops"],
        time_s=until,
        barriers=options["barriers"],
        sites=options["sites"] or 1024,
        vacancies=None,
        vacancy_concentration=None,
        seed=seed,
    )
