"""What the command kmc does: one run, its order over time, its trajectory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.files.extxyz import write_extxyz
from asemacro.files.frames import write_frames
from asemacro.files.store import run_record, without_nan, write_csv
from asemacro.lattice.reading.structure_file import Reading, locate, read_structure
from asemacro.studies.alloy.inputs import check_temperatures, choose_barriers, large_enough
from asemacro.studies.alloy.start import Start
from asemacro.studies.alloy.visited import Visited, time_factor, within
from asemacro.tasks.checkpoint import Entry
from asemacro.tasks.keeper import Keeper
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.publication import Files
from asemacro.tasks.run_folder import RunFolder

if TYPE_CHECKING:
    from ase import Atoms

    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice
    from asemacro.micro.alloy.kmc_pause import KMCPause
    from asemacro.micro.alloy.kmc_run import KMCRun
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
    from asemacro.observables.alloy import WarrenCowley
    from asemacro.typing import Report, State

RECORDS = 200  # rows of the order over time


class Options(TypedDict):
    """Options of the verb."""

    reading: Reading
    mix_sublattices: bool
    shell_tolerance: float | None
    temperature_K: float
    hops: int | None
    time_s: float | None
    barriers: str | Path | None
    sites: int
    vacancies: int | None
    vacancy_concentration: float | None
    seed: int


def run_kmc(structure: str | Path, output: str | Path, *, force: bool = False, **options: Unpack[Options]) -> None:
    """Verb kmc: one run, written as sro.csv, final.extxyz, trajectory.amz.zip and run.json."""
    locate(structure, options["reading"].get("index"))  # a wrong name is told before a word on the folder
    with RunFolder(output, "kmc", force=force) as folder:
        _run_kmc(structure, folder, options)


def _run_kmc(structure: str | Path, folder: RunFolder, options: Options) -> None:
    from asemacro.micro.alloy.vacancy_kmc import VacancyKMC
    from asemacro.studies.alloy.mobility import check_mobile

    temperature_K, hops, time_s = options["temperature_K"], options["hops"], options["time_s"]
    check_temperatures([temperature_K])
    if hops is not None and time_s is not None:
        raise ValueError("give either --hops or --time, not both")
    rng = np.random.default_rng(options["seed"])
    box, model, start = _start(structure, options, rng)
    n_vacancies = int((start == 0).sum())
    check_mobile(model, box, start, [temperature_K])
    kmc = VacancyKMC(box, model, temperature_K)
    print(
        f"{'-'.join(box.species)} on {box.prototype}, {box.n_sites} sites, {_vacancies(n_vacancies)}, "
        f"{temperature_K:g} K, barriers: {model.name}"
    )
    points = _points(hops, time_s)
    entry = folder.checkpoint.entry("kmc", {
        "barriers": model.compile(box), "attempt frequencies": kmc.attempt_frequency_Hz, "lattice": box,
        "temperature": temperature_K, "start": start, "length": points, "seed": rng,
    })  # fmt: skip
    run = _run(kmc, start, points, rng, entry)
    arguments = {
        "structure": str(structure),
        **options["reading"],
        "shell_tolerance": options["shell_tolerance"],
        "temperature_K": temperature_K,
        "hops": hops,
        "time_s": time_s,
        "barriers": model.name,
        "sites": box.n_sites,
        "vacancies": n_vacancies,
    }
    visited = _visited(kmc, run, by_time=time_s is not None)
    factor = time_factor(visited.log_rates)
    told = {"time_factor_of_barriers": factor, "uncertain_jumps_fraction": visited.uncertain}
    record = run_record(
        arguments, options["seed"], run.wall_time_s, barriers=model.name, **_summary(run), **without_nan(told)
    )
    written = folder.publish(_files(box, run), record)
    if run.stopped == "blocked" or run.hops == 0:
        print(_why_it_stands(kmc, run))
    print(
        f"{run.hops} hops, {run.time_s:.4g} s of KMC time{within(factor)}, {run.hops_per_second:.3g} hops/s, "
        f"cache hits {100 * run.cache_hit_rate:.0f} %"
    )
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path}")


def _start(structure: str | Path, options: Options, rng: np.random.Generator) -> tuple[Lattice, BarrierModel, State]:
    """The box, the barrier model and the first state.

    Raises:
        ValueError: a box beyond the memory, or one that the vacancies leave no atom of some species on.
    """
    atoms = read_structure(structure, **options["reading"])
    begin = Start.read(atoms, mix_sublattices=options["mix_sublattices"], shell_tolerance=options["shell_tolerance"])
    model = choose_barriers(options["barriers"], begin.lattice)
    box = large_enough(begin.lattice.at_least(options["sites"]), model)
    # the states that are kept for the order over time, once more as they are written, and the random numbers that a
    # state is drawn with
    size = box.n_sites * (2 * RECORDS + 25.0) + box.n_beside * 2 * RECORDS
    bound_of_memory(size, f"a run of {box.n_sites} sites")
    start = begin.draw(box, options["vacancies"], options["vacancy_concentration"], rng=rng)
    absent = [symbol for k, symbol in enumerate(box.species) if not (start == k + 1).any()]
    if absent:
        raise ValueError(
            f"{int((start == 0).sum())} vacancies on {box.n_sites} sites leave no atom of {', '.join(absent)}: there "
            "is no order to compute; give fewer vacancies or more --sites"
        )
    return box, model, start


class Points(TypedDict, total=False):
    """Where a run is recorded: one of the two."""

    record_times_s: NDArray[np.float64]
    record_hops: NDArray[np.int64]


def _points(hops: int | None, time_s: float | None) -> Points:
    """RECORDS even times or numbers of hops."""
    if time_s is not None:
        return Points(record_times_s=np.linspace(0, time_s, RECORDS + 1))
    total = int(hops if hops is not None else 1e5)
    return Points(record_hops=np.unique(np.linspace(0, total, RECORDS + 1).astype(int)))


def _run(kmc: VacancyKMC, start: State, points: Points, rng: np.random.Generator, entry: Entry) -> KMCRun:
    """The run, recorded at these points; goes on from where the same run was stopped."""
    from asemacro.micro.alloy.kmc_pause import KMCPause

    keeper = Keeper(entry, KMCPause.read, (RECORDS + 1) * start.nbytes, f"{start.size} sites")
    if (before := keeper.before) is not None:
        time_so_far, hops_so_far, _ = before.marks[-1]
        print(f"goes on after {hops_so_far} hops, {time_so_far:.4g} s of KMC time, of the same run that was stopped")
    with progress_bar({"kmc": 1.0}) as report, keeper:
        order = _Order(kmc.lattice, report, keeper)
        # compile first, so that hops/s are those of the run
        kmc.run(start, hops=1, rng=np.random.default_rng(0))
        return kmc.run(before or start, **points, progress=order.tell, keep=order.take, rng=rng)


class _Order:
    """The order at the last record point, as a part of the line of progress.

    Args:
        box: where the alloy lives.
        report: is told of progress.
        keeper: takes the pauses.
    """

    def __init__(self, box: Lattice, report: Report, keeper: Keeper[KMCPause]) -> None:
        from asemacro.observables.alloy import WarrenCowley

        self._phi, self._box = WarrenCowley(box.species, shells=1) if len(box.species) > 1 else None, box
        self._report, self._keeper = report, keeper
        self._text = ""

    def take(self, pause: KMCPause) -> None:
        """The run has come to a record point."""
        self._keeper.take(pause)
        if self._phi is not None:
            delta = self._phi(pause.x[None], self._box)[0]
            k = int(np.abs(delta).argmax())
            self._text = f", delta {self._phi.labels[k]} {delta[k]:+.3f}"

    def tell(self, task: str, fraction: float, text: str) -> None:
        """Tell of progress."""
        self._report(task, fraction, text + self._text)


def _visited(kmc: VacancyKMC, run: KMCRun, by_time: bool) -> Visited:
    """What the members of the barrier model make of the recorded states."""
    visited = Visited(kmc, 1)
    for x, lasts_s in zip(run.record, run.record_residence_s, strict=True):
        if by_time or math.isfinite(lasts_s):
            visited.see(0, x, 1.0 if by_time else lasts_s)
    return visited


def _summary(run: KMCRun) -> dict[str, Any]:
    """What run.json says of a run."""
    return {
        "stopped": run.stopped,
        "hops": run.hops,
        "time_s": run.time_s,
        "hops_per_second": run.hops_per_second,
        "cache_hit_rate": run.cache_hit_rate,
        "clamped_fraction": run.clamped_fraction,
        "adjacent_vacancies_fraction_of_time": run.adjacent_fraction,
    }


def _files(box: Lattice, run: KMCRun) -> Files:
    """What a run leaves behind, by name."""
    from ase.data import atomic_numbers

    from asemacro.files.ase_format import columns_of_states
    from asemacro.observables.alloy import WarrenCowley

    columns, rows = order_table(WarrenCowley(box.species, shells=1, pairs="all"), box, run)
    final = at_time(box.to_atoms(run.x), time_s=run.time_s)
    numbers = np.array([0, *(atomic_numbers[s] for s in box.species)], dtype=np.int8)
    times = [{**final.info, "time_s": float(t)} for t in run.record_times_s]
    beside = np.tile(final.numbers[box.n_sites :].astype(np.int8), (len(times), 1))
    frames = columns_of_states(final, numbers=np.hstack([numbers[run.record], beside]))
    return {
        "sro.csv": lambda path: write_csv(path, columns, rows),
        "final.extxyz": lambda path: write_extxyz(path, [final]),
        "trajectory.amz.zip": lambda path: write_frames(path, frames, times),
    }


def order_table(sro: WarrenCowley, box: Lattice, run: KMCRun) -> tuple[list[str], list[list[float]]]:
    """Columns and rows of a run's sro.csv: delta_PAIR and alpha_PAIR of every pair, over hops and time.

    Both as `WarrenCowley` defines them: alpha counts a vacancy as a neighbour of no species.
    """
    delta = sro(run.record, box)
    atoms = np.bincount(run.record[0], minlength=len(box.species) + 1)[1:]
    alpha = sro.alpha(delta, atoms, box)
    columns = ["hop", "time_s", *(f"{what}_{label}" for label in sro.labels for what in ("delta", "alpha"))]
    both = np.stack([delta, alpha], axis=2).reshape(len(delta), -1)
    rows = [[int(n), float(t), *values] for n, t, values in zip(run.record_hops, run.record_times_s, both, strict=True)]
    return columns, rows


def at_time(atoms: Atoms, **time: float) -> Atoms:
    """The atoms with their time in `info`, as `time_s` (seconds) or `time` (of a dimensionless system)."""
    atoms.info.update({name: float(value) for name, value in time.items()})
    return atoms


def _vacancies(n: int) -> str:
    return f"{n} {'vacancy' if n == 1 else 'vacancies'}"


def _why_it_stands(kmc: VacancyKMC, run: KMCRun) -> str:
    """One line on a run that made no hop, or came to a state that no hop leaves."""
    total = float(kmc.rates(run.x).sum())
    if run.stopped == "blocked" or total == 0:
        return f"stopped after {run.hops} hops: no vacancy has an atom beside it that can jump"
    return f"no hop in {run.time_s:g} s: the first one takes {1 / total:.2g} s on average, give a longer time or --hops"
