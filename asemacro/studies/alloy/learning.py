"""`asemacro learn alloy`: the runs of a phase diagram, learned and written like the other systems."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.files.store import run_record
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.macro.moment_fit import moments_from_pairs
from asemacro.studies.alloy.alloy import Alloy
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.campaign import task_name
from asemacro.studies.alloy.inputs import contents_of, parse_temperatures
from asemacro.studies.alloy.memory import Tried, best_memory
from asemacro.studies.alloy.prediction import pairs_of
from asemacro.studies.alloy.simulated import Simulated
from asemacro.studies.alloy.study import Study
from asemacro.studies.learn.figures import Path as CoursePath
from asemacro.studies.learn.figures import draw_diagnostics, explained, follow, noise_ratio
from asemacro.studies.learn.learned import Learned
from asemacro.tasks.progress import progress_bar
from asemacro.tasks.run_folder import RunFolder
from asemacro.tasks.streams import Streams
from asemacro.tasks.threads import one_thread
from asemacro.tasks.where import at_once

if TYPE_CHECKING:
    from asemacro.macro.sde import NeuralSDE

TEMPERATURES = "800:2000:400"
SITES, SMALL = 8192, 1024
TIMES = 24  # at which a course is compared
MOST_COURSES = 3
say = logging.getLogger("asemacro")


@dataclasses.dataclass(frozen=True)
class Asked:
    """What `learn alloy` was asked for.

    Attributes:
        structure: file.
        reading: how it is to be read.
        mix_sublattices: let hops carry atoms to sites that the structure keeps for other species.
        shell_tolerance: see `Lattice.from_atoms`; None for its default.
        temperature: START:STOP:STEP or a list, in K; None for TEMPERATURES.
        sites: least sites of the large box; None for SITES.
        small: of the small box; None for SMALL.
        barriers: model name or file.
        hops: per small run and vacancy; None for a quick budget.
        workers: temperatures simulated at once.
        closure: None or "auto": the past order is tried as further variables (`memory`); "0": it is left out.
    """

    structure: str | Path
    reading: Reading
    mix_sublattices: bool
    shell_tolerance: float | None
    temperature: str | None
    sites: int | None
    small: int | None
    barriers: str | None
    hops: float | None
    workers: int | None
    closure: str | None

    @classmethod
    def of(cls, structure: str | Path, options: Mapping[str, Any]) -> Asked:
        """From the options of `learn`.

        Raises:
            ValueError: options that alloys do not have and that are not None; an unknown closure.
        """
        if options.get("closure") not in (None, "auto", "0"):
            raise ValueError(
                f"--closure {options['closure']}: an alloy has its past order for closure; give "
                "auto (it is taken where it lowers the error on held-out runs) or 0 (it is left out)"
            )
        own = {field.name for field in dataclasses.fields(cls)}
        foreign = [f"--{name}" for name, value in options.items() if name not in own and value is not None]
        if foreign:
            raise ValueError(f"an alloy has no {foreign[0]}")
        return cls(structure, **{name: value for name, value in options.items() if name in own})

    @property
    def temperatures_K(self) -> list[float]:
        """Increasing."""
        return parse_temperatures(TEMPERATURES if self.temperature is None else self.temperature)

    def alloy(self) -> Alloy:
        """Read the structure, choose barriers and boxes."""
        return Alloy.of(
            read_structure(self.structure, **self.reading),
            self.barriers,
            sites=self.sites or SITES,
            small=self.small or SMALL,
            mix_sublattices=self.mix_sublattices,
            shell_tolerance=self.shell_tolerance,
        )

    def record(self, alloy: Alloy) -> dict[str, Any]:
        """For run.json, with what was chosen for it."""
        return {
            "system": "alloy",
            "structure": str(self.structure),
            **self.reading,
            "shell_tolerance": self.shell_tolerance,
            "temperatures": self.temperatures_K,
            "barriers": alloy.model.name,
            "sites": alloy.boxes.large.n_sites,
            "small": alloy.boxes.small.n_sites,
            "hops": self.hops,
            # nothing is said of what is not asked for: runs of before it could be are still taken up
            **({"closure": self.closure} if self.closure else {}),
        }


def learn_alloy(structure: str | Path, folder: RunFolder, *, seed: int, started: float, **options: Any) -> None:
    """Small vacancy KMC runs from random at several temperatures, their pairs, one SDE for all.

    The order as it was some time ago is among its variables where that lowers the error on held-out runs (`memory`).

    The noise of the large system comes from its small runs side by side (`pairs_from_runs`). What the model is compared
    with are the runs that it was learned from: with one run for each small cell of the large box none can be left out.

    Args:
        structure: file.
        folder: for the results, and for finished temperatures of an interrupted run.
        seed: of all random numbers.
        started: when the verb began, for the wall time.
        **options: of `learn`, see `Asked`.
    """
    asked = Asked.of(structure, options)
    kelvin, budget, alloy = asked.temperatures_K, Budget.of_hops(asked.hops), asked.alloy()
    alloy.check(kelvin)
    boxes, streams = alloy.boxes, Streams.of(np.random.default_rng(seed))
    print(
        f"{'-'.join(alloy.lattice.species)} on {alloy.lattice.prototype}, {boxes.large.n_sites} sites learned from "
        f"{boxes.small.n_sites}, barriers: {alloy.model.name}"
    )
    content = {"lattice": alloy.lattice, "barriers": contents_of(alloy.model, boxes.small)}
    folder.keep_parts({**asked.record(alloy), "structure": None, **content, "seed": seed})
    tasks = ({task_name("small", t): 30.0 for t in kelvin}, {"fit": 10.0})
    with progress_bar(*tasks, workers=at_once(asked.workers)) as report, one_thread():
        study = Study(alloy, budget, streams, asked.workers, folder.checkpoint, report)
        found, tried = _simulated(study, kelvin, asked)
        sde = study.learn(found, members=0)[0]
        labels = moments_from_pairs(pairs_of(found, streams))
        paths = _courses(sde, found, streams)
    table, observed = found[0].table, len(found[0].labels)
    bounds = np.full((sde.dim, 2), [-np.inf, np.inf])
    bounds[:observed] = np.stack(table.bounds, axis=1)[table.unlike]
    learned = Learned(sde, labels.z, labels.condition, observed, bounds=bounds)
    pull = float(np.sqrt(np.mean([path.pull**2 for path in paths])))
    result = {
        "labels": list(sde.labels),
        "observed": observed,
        **({} if tried is None else {"memory": dataclasses.asdict(tried)}),
        "sites": boxes.large.n_sites,
        "temperatures_K": kelvin,
        "variance_rate_over_learned": dict(zip(sde.labels, noise_ratio(sde, labels).tolist(), strict=True)),
        "drift_explained": dict(zip(sde.labels, explained(sde, labels).tolist(), strict=True)),
        "path_pull": pull,
    }
    figure = draw_diagnostics(sde, labels, paths, unit="time (s)", seen=True)
    wall = time.perf_counter() - started
    files = {**learned.files(), "diagnostics.png": figure.savefig}
    written = folder.publish(files, run_record(asked.record(alloy), seed, wall, **result))
    print(f"courses of the small runs, rms distance from the learned mean: {pull:.2f} of its sd")
    print(f"wrote {', '.join(path.name for path in written)} to {folder.path} in {wall:.0f} s")


def _simulated(study: Study, kelvin: Sequence[float], asked: Asked) -> tuple[list[Simulated], Tried | None]:
    """The runs, with the past order among the variables where that helps, and by how much; None: it was not tried."""
    found = study.simulate(kelvin, study.alloy.boxes.copies)
    if asked.closure == "0" or study.alloy.boxes.copies == 1:
        return found, None
    tried = best_memory(found)
    say.info("%s", tried.text)
    return [dataclasses.replace(at, memory_hops=tried.hops if tried.helps else None) for at in found], tried


def _courses(sde: NeuralSDE, found: Sequence[Simulated], streams: Streams) -> list[CoursePath]:
    """The model beside the mean of the runs, at up to MOST_COURSES temperatures."""
    paths = []
    for at in found[:: max(1, (len(found) + 1) // MOST_COURSES)]:
        keep = np.unique(np.geomspace(1, len(at.runs.times_s) - 1, TIMES).astype(int))
        rows = np.concatenate([[0], keep])
        course, stream = at.series[:, rows].mean(axis=0), streams("course", at.temperature_K)
        condition = at.temperature_K if sde.n_conditions else None
        name = f"{at.temperature_K:g} K"
        paths.append(follow(sde, name, at.runs.times_s[rows], course, condition=condition, rng=stream))
    return paths
