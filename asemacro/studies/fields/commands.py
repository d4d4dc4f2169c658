"""What the command learn does with block fields: of systems that it knows, and of files from elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.field_data import FieldData
from asemacro.files.store import run_record, without_nan, write_csv
from asemacro.macro.spde.block_kernel import BlockKernel, relative_error
from asemacro.macro.spde.field_measures import structure_factor
from asemacro.macro.spde.field_steps import simulate_fields
from asemacro.macro.spde.fit import FieldFitOptions
from asemacro.studies.fields.diagnostics import Comparison, draw_fields, mobility_of_homogeneous
from asemacro.studies.fields.figures import kernel_lines, mobility_lines
from asemacro.studies.fields.learned import LearnedFields, learn_from_fields
from asemacro.studies.fields.readers import FieldSeries, by, data_of, read_series
from asemacro.studies.fields.starts import check_range
from asemacro.studies.fields.systems import FieldSetup, field_setup
from asemacro.studies.learn.given_options import one_temperature
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.publication import Files
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.threads import one_thread

if TYPE_CHECKING:
    from asemacro.lattice.reading.structure_file import Reading
    from asemacro.studies.fields.alloy import AlloyFields

FILES = "fields"
"""The word for fields from elsewhere."""
_TIME, _RUNS = 3.0, 8  # of what is compared: until when in times of relaxation, how many runs
_OF_FILES = ("spins", "component")
_OF_SPINS = ("starts", "lattice", "duration", "range", "kernel", "exchange", "anisotropy", "damping")


def learn_fields(
    system: str, files: Sequence[Path], folder: RunFolder, *, seed: int, started: float, **options: Any
) -> None:
    """spde.safetensors, kernel.csv, mobility.csv, run.json, diagnostics.png."""
    if system == FILES:
        _refuse(system, options, ("sites", *_OF_SPINS))
        _learn_files(files, folder, seed=seed, started=started, **options)
        return
    _refuse(system, options, _OF_FILES)
    if files:
        raise ValueError(f"{system} takes no file; {files[0]} is left over")
    made_of = field_setup(system, temperatures=_temperatures(options.pop("temperature")), **options)
    _learn_system(made_of, folder, seed=seed, started=started)


def learn_alloy_fields(
    structure: Path, folder: RunFolder, *, reading: Reading, seed: int, started: float, **options: Any
) -> None:
    """The same for the composition of blocks of an alloy."""
    from asemacro.studies.fields.alloy import alloy_fields

    _refuse("alloy", options, ("spins", "field", *(name for name in _OF_SPINS if name != "starts")))
    options["temperature"] = _temperatures(options["temperature"])
    made_of = alloy_fields(structure, reading, element=options.pop("component"), **options)
    _learn_system(made_of, folder, seed=seed, started=started)


def _learn_system(made_of: FieldSetup | AlloyFields, folder: RunFolder, *, seed: int, started: float) -> None:
    """Field data, the equation, and how it follows runs from a random start."""
    rng = np.random.default_rng(seed)
    blocks = made_of.blocks
    print(
        f"{made_of.name}, {made_of.n_sites} sites in {by([blocks.grid[k] for k in blocks.axes])} blocks of "
        f"V = {blocks.sites}; a field keeps {made_of.scalar}"
    )
    arguments = {
        "system": made_of.name, **made_of.settings, "starts": made_of.starts, "duration": made_of.duration,
    }  # fmt: skip
    folder.keep_parts({**arguments, **made_of.contents, "seed": seed})
    with progress_bar({"fields": 10.0}, {"fit fields": 10.0}, {"compare": 5.0}) as report, one_thread():
        data = made_of.data(rng, report)
        learned = learn_from_fields(data, options=made_of.options, rng=rng, progress=report)
        report("compare", 0.0, "runs to compare with")
        before, after = made_of.quenched(_RUNS, rng)
        found = _compared(learned, learned.temperatures[-1], before, after, made_of.later, "a random start", rng)
        report("compare", 1.0, "")
    _publish(learned, data, found, made_of.true, folder, arguments, seed, started)


def _refuse(system: str, options: dict[str, Any], names: Sequence[str]) -> None:
    """Take options that do not belong to the system out; one line about the first that was given."""
    for name in names:
        if options.pop(name) is not None:
            raise ValueError(f"--{name} does not belong to learn {system}; leave it out")


def _temperatures(text: str | None) -> list[float] | None:
    """The temperatures in --temperature, with commas between them."""
    if text is None:
        return None
    found = [one_temperature(part) for part in text.split(",")]
    if len(set(found)) < len(found):
        raise ValueError(f"--temperature {text}: each one once")
    return sorted(t for t in found if t is not None)


def _learn_files(
    files: Sequence[Path],
    folder: RunFolder,
    *,
    seed: int,
    started: float,
    temperature: str | None,
    field: float | None,
    block: int | None,
    spins: int | None,
    component: str | None,
) -> None:
    """Fields from elsewhere: nothing is guessed without a word."""
    if not files:
        raise ValueError("learn fields needs a file: asemacro learn fields FILE -T T --block B -o DIR")
    if temperature is not None and "," in temperature:
        raise ValueError(
            f"--temperature {temperature}: the files of a command have one temperature; join those of several in "
            "Python, FieldData.joined([read_fields(...), ...])"
        )
    t = one_temperature(temperature)
    if t is None or t <= 0:
        raise ValueError("learn fields needs -T, the temperature above 0 at which they were made (k_B = 1)")
    check_range(t, "--temperature")
    if field:
        check_range(abs(field), "--field")
    if block is None and spins is None:
        raise ValueError(
            "learn fields needs --block B, the edge of a block in sites, or --spins V, its number of spins"
        )
    if (spins or block or 1) < 2:
        raise ValueError("a block of one spin has no mean; give --block or --spins of at least two spins")
    runs = read_series(files, component)
    if runs[0].fields[0].size == 1:
        raise ValueError(
            f"{runs[0].said}: a single block has no neighbours and no waves; cut the system into more blocks"
        )
    dim = runs[0].fields.ndim - 1
    sites = spins if spins is not None else (block or 1) ** dim
    edge = block if block is not None else max(1, round(sites ** (1 / dim)))
    h = 0.0 if field is None else field
    for run in runs:
        print(run.said)
    print(
        f"taken as blocks of V = {sites} spins, edge {edge} sites, at T = {t:g} (k_B = 1), field h = {h:g}; "
        "no flips, so the mobility comes from the scatter"
    )
    data, rng = data_of(runs, t, sites, edge, h), np.random.default_rng(seed)
    arguments = {
        "system": FILES, "files": [str(file) for file in files], "temperature": [t], "field": h, "block": edge,
        "spins": sites, "component": component,
    }  # fmt: skip
    folder.keep_parts({**arguments, "data": data, "seed": seed})
    with progress_bar({"fit fields": 10.0}, {"compare": 5.0}) as report, one_thread():
        learned = learn_from_fields(data, options=FieldFitOptions(rate=None), rng=rng, progress=report)
        report("compare", 0.0, "the same stretch of time")
        found = _of_run(learned, runs[0], t, rng)
        report("compare", 1.0, "")
    _publish(learned, data, found, None, folder, arguments, seed, started)


def _of_run(learned: LearnedFields, run: FieldSeries, temperature: float, rng: np.random.Generator) -> Comparison:
    """The first field of a run and a later one, after a few times of relaxation if it is long enough."""
    step = (run.time[-1] - run.time[0]) / (len(run.time) - 1)
    rate = float(learned.spde.homogeneous_mobility(0.0, temperature, learned.field))
    last = min(len(run.time) - 1, max(1, math.ceil(_TIME / (rate * step))))
    return _compared(learned, temperature, run.fields[:1], run.fields[last : last + 1], last * step, "the run", rng)


def _compared(
    learned: LearnedFields, temperature: float, before: Any, after: Any, until: float, start: str,
    rng: np.random.Generator,
) -> Comparison:  # fmt: skip
    """Fields of the system at a later time, and those of the equation from the same fields."""
    run = simulate_fields(learned.spde, before, until, temperature=temperature, field=learned.field, n_saves=1, rng=rng)
    return Comparison(start, temperature, until, before, after, run.last, run.reflected)


def _publish(
    learned: LearnedFields,
    data: FieldData,
    found: Comparison,
    true: BlockKernel | None,
    folder: RunFolder,
    arguments: dict[str, Any],
    seed: int,
    started: float,
) -> None:
    """Files and the lines that tell whether to trust the model."""
    about = learned.report
    assert about is not None
    homogeneous = mobility_of_homogeneous(learned, data)
    kernel, mobility = kernel_lines(learned.spde.kernel, true), mobility_lines(homogeneous)
    files: Files = {
        **learned.files(),
        "kernel.csv": lambda path: write_csv(path, *kernel),
        "mobility.csv": lambda path: write_csv(path, *mobility),
        "diagnostics.png": draw_fields(learned, homogeneous, found, true).savefig,
    }
    micro, model = (structure_factor(part, learned.spde.sites) for part in (found.after, found.model))
    ratio = float((model.value[1:] * model.waves[1:]).sum() / (micro.value[1:] * micro.waves[1:]).sum())
    error = None if true is None else relative_error(learned.spde.kernel, true)
    result = {
        "rows": list(about.rows),
        "flips": None if data.flips is None else int(data.flips.sum()),
        "reach": about.reach,
        "J0": about.total,
        "J0_error": about.total_error,
        "rate": about.rate,
        "kernel_relative_error": error,
        "squared_residuals_held_out": about.chi2,
        "assumptions": {v.name: {"holds": v.holds, "value": v.value, "error": v.error} for v in about.verdicts},
        "variance_over_that_of_the_system": ratio,
        "reflected": found.reflected,
    }
    wall = time.perf_counter() - started
    written = folder.publish(files, run_record(arguments, seed, wall, **without_nan(result)))
    for line in about.lines():
        print(line)
    if error is not None:
        print(f"the true kernel between blocks, lags other than 0: {100 * error:.1f} % away, relative L2")
    print(
        f"from {found.start} to time {found.until:g} at T = {found.temperature:g}: waves of the equation have "
        f"{ratio:.3f} times the variance of those of the system"
    )
    broken = [v.name for v in about.verdicts if v.holds is False]
    if broken:
        print(f"the equation cannot represent all of this system; what fails: {', '.join(broken)}")
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")
