"""The steps of a closed loop: label, train, order, visit. Each is kept and found again when the loop goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from asemacro.barriers.data.cells import Cell
from asemacro.barriers.data.evaluation import errors
from asemacro.barriers.data.labels import data_of_labels
from asemacro.barriers.data.table import BarrierData
from asemacro.barriers.data.training import fit_barriers
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.file import load_gnn, save_gnn
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.labelling.bands import Jump, lattice_fields
from asemacro.barriers.labelling.database import Label, read_labels
from asemacro.files.arrays import read_arrays
from asemacro.lattice.lattice import Lattice
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.labelling.cells import Cells, box_of, draw_jumps
from asemacro.studies.labelling.label import Labeller
from asemacro.studies.labelling.order import Order, order_of
from asemacro.studies.labelling.visited_jumps import VisitedJumps, running_box, visit
from asemacro.tasks.checkpoint import Checkpoint, write_arrays
from asemacro.tasks.running import InTurn, Kept, Task, kept_item, run_tasks
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

T = TypeVar("T")
FIRST_CELLS = 20  # of the first round, which random and ordered states share


@dataclasses.dataclass(frozen=True)
class Training:
    """How the networks of a closed loop are made.

    Attributes:
        members: of the ensemble, two or more: their spread says what is uncertain.
        epochs: passes over the labels; None for as many as `train_barriers` makes.
        widths: width, hidden, energy_width of `BarrierGNN`; those left out are the ones of `train_barriers`.
    """

    members: int = 3
    epochs: int | None = None
    widths: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.members < 2:
            raise ValueError(f"a closed loop needs an ensemble of 2 members or more, got {self.members}")


@dataclasses.dataclass(frozen=True)
class Steps:
    """What the rounds of a loop are made of.

    Attributes:
        labeller: of the alloy.
        box: cell that jumps are labelled in.
        larger: box of kinetic Monte Carlo and swaps.
        temperatures_K: increasing.
        training: of the networks.
        sweeps: of swaps, for the order.
        workers: processes that label, threads that simulate.
        streams: of the loop.
        checkpoint: where finished steps are kept.
        tell: told of what is being done.
    """

    labeller: Labeller
    box: Lattice
    larger: Lattice
    temperatures_K: tuple[float, ...]
    training: Training
    sweeps: int
    workers: int
    streams: Streams
    checkpoint: Checkpoint
    tell: Report

    @classmethod
    def boxes(cls, labeller: Labeller, sites: int) -> tuple[Lattice, Lattice]:
        """`box` and `larger`, of at least so many sites.

        Raises:
            ValueError: cells that networks cannot be trained on.
        """
        box = box_of(Cells(sites=sites), labeller.lattice)
        try:
            Cell(box, np.arange(box.n_sites)).around(JumpNetwork.of(box), "the cell that jumps are labelled in")
        except ValueError as error:
            raise ValueError(f"{error}; give more --sites") from None
        return box, running_box(box)

    @property
    def pairs(self) -> tuple[str, ...]:
        """Labels of the order."""
        return WarrenCowley(self.box.species).labels

    def first_jumps(self, count: int) -> list[Jump]:
        """Jumps in random and ordered cells, with which a loop begins."""
        cells = Cells(cells=min(FIRST_CELLS, count), jumps=count, sites=self.box.n_sites)
        inputs = {"cells": dataclasses.asdict(cells), "box": lattice_fields(self.box), "seed": self.streams}
        kept = Kept[list[Jump]](inputs, _write_jumps, partial(_read_jumps, self.box))
        return self._kept("first-jumps", lambda progress: draw_jumps(cells, self.box, self.streams), kept)

    def label(self, jumps: Sequence[Jump]) -> dict[str, Label]:
        """Labels of all jumps by name; those that are in the database are not made again."""
        self.labeller.label(jumps, self.tell)
        wanted = {jump.name for jump in jumps}
        path = self.labeller.database.path
        return {label.name: label for label in read_labels(path, failed=True) if label.name in wanted}

    def data(self, labels: Sequence[Label], model: BarrierGNN | None = None) -> BarrierData:
        """Labels as barrier data, in the species of a model.

        Raises:
            ValueError: all of them failed.
        """
        data = data_of_labels(labels, self.labeller.database.path, None if model is None else model.jumps)
        return data.relabel(self.box.species if model is None else model.species)

    def network(self, labels: Sequence[Label], number: int) -> BarrierGNN:
        """An ensemble trained on labels."""
        seed = int(self.streams("training", number).integers(2**31))
        data = self.data(labels)

        def train(progress: Report) -> BarrierGNN:
            return fit_barriers(
                data,
                self.labeller.database.path.name,
                form="consistent",
                members=self.training.members,
                epochs=self.training.epochs,
                seed=seed,
                progress=progress,
                name="-".join(data.species),
                **self.training.widths,
            ).model

        of = [(label.name, label.forward_eV, label.backward_eV, label.reason) for label in labels]
        inputs = {"labels": of, "training": self.training, "seed": seed}
        kept = Kept[BarrierGNN](inputs, lambda path, model: save_gnn(model, path), load_gnn, ".safetensors")
        return self._kept(f"network-{number}", train, kept)

    def order(self, model: BarrierGNN, number: int) -> Order:
        """Order at the temperatures, with its bars."""
        streams = Streams.of(self.streams("order", number))
        work = partial(order_of, model, self.larger, self.temperatures_K, self.sweeps, self.workers, streams)
        inputs = self._inputs(model, streams) | {"sweeps": self.sweeps}
        return self._kept(f"order-{number}", work, kept_item(Order, inputs, "order of an alloy"))

    def visit(self, model: BarrierGNN, states: int, number: int) -> VisitedJumps:
        """States that the network visits."""
        streams = Streams.of(self.streams("visits", number))
        work = partial(visit, model, self.box, self.larger, self.temperatures_K, states, streams, self.workers)
        inputs = self._inputs(model, streams) | {"states": states, "cell": lattice_fields(self.box)}
        return self._kept(f"visited-{number}", work, kept_item(VisitedJumps, inputs, "states of kinetic Monte Carlo"))

    def error(self, model: BarrierGNN, labels: Sequence[Label]) -> dict[str, float]:
        """mae_eV and rmse_eV of a network on labels; nan if all of them failed."""
        if all(label.reason for label in labels):
            return {"mae_eV": np.nan, "rmse_eV": np.nan}
        data = self.data(labels, model)
        return errors(model.predict(data.around, only=data.known()), data.barrier)

    def _inputs(self, model: BarrierGNN, streams: Streams) -> dict[str, Any]:
        return {
            "model": {name: tensor.numpy() for name, tensor in model.state_dict().items()},
            "temperatures": self.temperatures_K,
            "box": lattice_fields(self.larger),
            "seed": streams,
        }

    def _kept(self, name: str, work: Callable[[Report], T], kept: Kept[T]) -> T:
        """The result of a step: the kept one, or what `work` gives, which is kept for later runs too."""
        task = Task(name, work, kept=dataclasses.replace(kept, lasting=True))
        return run_tasks([task], InTurn(), self.checkpoint, self.tell)[0]


def _write_jumps(path: Path, jumps: Sequence[Jump]) -> None:
    """Jumps in one box, for a checkpoint."""
    arrays = {name: np.array([getattr(jump, name) for jump in jumps]) for name in ("x", "jumping", "cell")}
    write_arrays(path, arrays)


def _read_jumps(box: Lattice, path: Path) -> list[Jump]:
    """Inverse of `_write_jumps`."""
    arrays = read_arrays(path, "jumps of an alloy")
    rows = zip(arrays["x"], arrays["jumping"].tolist(), arrays["cell"].tolist(), strict=True)
    return [Jump(box, x, jumping, cell) for x, jumping, cell in rows]
