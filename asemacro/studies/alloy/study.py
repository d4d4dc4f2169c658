"""The steps that the diagram, `learn alloy` and the alloy figures of the paper share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asemacro.files.arrays import read_arrays
from asemacro.macro.file import load_sde, save_sde
from asemacro.studies.alloy.alloy import Alloy
from asemacro.studies.alloy.budget import Budget
from asemacro.studies.alloy.campaign import Job, run_jobs
from asemacro.studies.alloy.prediction import MEMBERS, Predicted, learn, pairs_of, predict
from asemacro.studies.alloy.simulated import Simulated
from asemacro.studies.alloy.swap_equilibrium import equilibrium_by_swaps
from asemacro.studies.alloy.swap_order import SwapOrder
from asemacro.tasks.checkpoint import Checkpoint, arrays_of, items_of, write_arrays
from asemacro.tasks.progress import silent
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.macro.sde import NeuralSDE


@dataclasses.dataclass(frozen=True)
class Study:
    """Steps from an alloy to its order over temperature; what they give is kept in a checkpoint.

    Attributes:
        alloy: lattice, barriers, boxes.
        budget: of the runs at one temperature.
        streams: all randomness, by step, temperature and run.
        workers: simulations at once; None for all cores.
        checkpoint: where what is finished is kept.
        progress: called with (task, fraction, text).
    """

    alloy: Alloy
    budget: Budget
    streams: Streams
    workers: int | None = None
    checkpoint: Checkpoint = dataclasses.field(default_factory=lambda: Checkpoint(None))
    progress: Report = silent

    def simulate(self, temperatures_K: Sequence[float], runs: int, *, direct: int = 0) -> list[Simulated]:
        """Runs from random.

        Args:
            temperatures_K: increasing.
            runs: of the small box at each temperature, a multiple of the boxes' copies.
            direct: runs of the large box at each temperature beside them.
        """
        boxes, large = self.alloy.boxes, self.alloy.boxes.large_counts
        jobs = [self._job(boxes.small, kelvin, boxes.counts, runs, boxes.copies, "small") for kelvin in temperatures_K]
        if direct:
            jobs += [self._job(boxes.large, kelvin, large, direct, 1, "direct") for kelvin in temperatures_K]
        records = run_jobs(jobs, self.workers, self.checkpoint, self.progress)
        found = [Simulated(table=job.table, runs=record) for job, record in zip(jobs, records, strict=True)]
        small, large_runs = found[: len(temperatures_K)], found[len(temperatures_K) :]
        beside = zip(small, large_runs, strict=True)
        return [dataclasses.replace(at, direct=other.runs) for at, other in beside] if direct else small

    def _job(self, lattice: Any, kelvin: float, counts: dict[str, int], runs: int, copies: int, box: str) -> Job:
        return Job(lattice, self.alloy.model, kelvin, counts, runs, copies, self.budget, self.streams, box)

    def swap(self, found: Sequence[Simulated], sweeps: int) -> list[Simulated]:
        """Add equilibrium by swap Monte Carlo; a model without an energy has none.

        Args:
            found: by increasing temperature.
            sweeps: of each chain at each temperature.
        """
        alloy, box = self.alloy, self.alloy.boxes.small
        if not alloy.model.has_energy:
            return list(found)
        kelvin = [at.temperature_K for at in found]
        inputs = {
            "barriers": [one.compile_energy(box) for one in (alloy.model, *alloy.model.members())],
            "lattice": box,
            "composition": alloy.boxes.counts,
            "temperatures": kelvin,
            "sweeps": sweeps,
            "seed": self.streams,
        }

        def make() -> list[SwapOrder]:
            return equilibrium_by_swaps(
                box, alloy.model, kelvin, alloy.boxes.counts, alloy.sro,
                sweeps=sweeps, workers=self.workers, streams=self.streams, progress=self.progress,
            )  # fmt: skip

        def read(path: Path) -> list[SwapOrder]:
            kept = items_of(SwapOrder, read_arrays(path, "checkpoint"))
            if len(kept) != len(kelvin):
                raise ValueError(f"it has {len(kept)} temperatures, not {len(kelvin)}")
            return kept

        made = self.checkpoint.keep(
            "swaps", inputs, make, write=lambda path, orders: write_arrays(path, arrays_of(orders)), read=read
        )
        self.progress("swaps", 1.0, "")
        return [dataclasses.replace(at, swaps=order) for at, order in zip(found, made, strict=True)]

    def learn(self, found: Sequence[Simulated], members: int = MEMBERS) -> list[NeuralSDE]:
        """The SDE of the large box for all temperatures, and bootstrap members of it (`prediction.learn`)."""
        sites = self.alloy.boxes.large.n_sites

        def make() -> list[NeuralSDE]:
            return learn(
                pairs_of(found, self.streams), found[0].variable_labels, sites, members=members,
                rng=self.streams("fit"), progress=self.progress, workers=self.workers,
            )  # fmt: skip

        self.progress("fit", 0.0, "fit the SDE")
        inputs = {
            "runs": [at.runs.to_arrays() for at in found],
            "sites": sites,
            "bootstrap members": members,
            "seed": self.streams,
            **({} if found[0].memory_hops is None else {"memory": found[0].memory_hops}),
        }
        ensemble = self.checkpoint.keep("fit", inputs, make, write=save_sde, read=load_sde, suffix=".safetensors")
        self.progress("fit", 1.0, "")
        return ensemble

    def predict(self, ensemble: Sequence[NeuralSDE], found: Sequence[Simulated]) -> list[Predicted]:
        """Add what the SDE makes of a random alloy (`prediction.predict`)."""
        self.progress("predict", 0.0, "predict")
        predicted = predict(
            ensemble, found, self.alloy.random_order, streams=self.streams,
            progress=self.progress, workers=self.workers,
        )  # fmt: skip
        self.progress("predict", 1.0, "")
        return predicted
