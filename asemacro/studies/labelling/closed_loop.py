"""learn_barriers: label, train, simulate, label what is visited and least certain, until the order of the alloy stands.

A round: the jumps that were chosen are labelled; an ensemble is trained on all labels; swap Monte Carlo gives the order
at the asked temperatures, by the mean of the ensemble and by each member; kinetic Monte Carlo, from states at
equilibrium, visits surroundings of the vacancy; the jumps there on which the members differ most are the next ones.
"""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asemacro.arguments.checks import count_of, generator_of, positive
from asemacro.arguments.door import checked, flag_or_report, instance, whole
from asemacro.arguments.door import path as path_check
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.labelling.bands import BandSettings, Jump
from asemacro.barriers.labelling.database import Label, LabelDatabase
from asemacro.calculators.named import Source
from asemacro.lattice.lattice import Lattice
from asemacro.studies.alloy.inputs import check_temperatures
from asemacro.studies.alloy.start import random_alloy
from asemacro.studies.alloy.swap_equilibrium import LEAST_SWEEPS
from asemacro.studies.labelling.cells import Cells
from asemacro.studies.labelling.chosen import choose
from asemacro.studies.labelling.label import MOST_WORKERS, Labeller
from asemacro.studies.labelling.learned import LearnedBarriers, Round
from asemacro.studies.labelling.steps import Steps, Training
from asemacro.studies.labelling.visited_jumps import VisitedJumps
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import reporting
from asemacro.tasks.streams import Streams
from asemacro.typing import Report

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Structure

GROWTH, LEAST_BATCH = 0.25, 10  # of the labels so far in a round, and jumps, if no number is asked for
STATES = 4  # visited for each jump of the next round
say = logging.getLogger("asemacro")


@dataclasses.dataclass(frozen=True)
class Loop:
    """What a closed loop is asked for.

    Attributes:
        temperatures_K: at which the order shall be known.
        budget: jumps that are labelled at most, failed ones included.
        first: jumps of the first round, in random and ordered cells.
        batch: jumps of each later round; None for a quarter of those there are, 10 at least.
        accuracy: the largest bar of delta with which the loop may stop before the budget is spent.
        sites: least number of sites of a cell that jumps are labelled in.
        sweeps: of swap Monte Carlo at each temperature, two chains.
    """

    temperatures_K: Sequence[float]
    budget: int
    first: int = 40
    batch: int | None = None
    accuracy: float = 0.05
    sites: int = 100
    sweeps: int = 200

    def __post_init__(self) -> None:
        object.__setattr__(self, "temperatures_K", tuple(check_temperatures(list(self.temperatures_K))))
        for name, least in (("budget", 1), ("first", 1), ("sites", 1), ("sweeps", LEAST_SWEEPS)):
            count_of(getattr(self, name), "", least=least, name=name)
        if self.batch is not None:
            count_of(self.batch, "", least=1, name="batch")
        positive(self.accuracy, "accuracy", article="")

    def next_batch(self, labels: int) -> int:
        """Jumps of the round that follows so many labels, whatever the budget."""
        return self.batch or max(LEAST_BATCH, math.ceil(GROWTH * labels))


@checked(
    path=path_check, loop=instance("Loop"), workers=whole(1, MOST_WORKERS), progress=flag_or_report, rng=generator_of
)
def learn_barriers(
    structure: Atoms | Structure | Lattice,
    calculator: Source,
    path: str | Path,
    *,
    loop: Loop,
    settings: BandSettings | None = None,
    training: Training | None = None,
    workers: int = 1,
    checkpoint: Checkpoint | None = None,
    progress: bool | Report = False,
    rng: np.random.Generator,
) -> LearnedBarriers:
    """A barrier network of an alloy by any calculator of ASE, from as few labels as its order needs.

    The loop ends when from one round to the next no delta moved by more than its bar, and no bar is above
    `Loop.accuracy`; or when the budget is spent; or when all that is visited is labelled. The bar is sqrt(s^2 + m^2), s
    the standard error of the simulation and m what the members leave open (`error_of_members`).

    Killed at any time and called again with the same arguments it goes on: a label that is in the database is not made
    again, and finished steps are found in the checkpoint. A larger budget goes on from a smaller one.

    Args:
        structure: lattice and composition of the alloy.
        calculator: see `label_barriers`.
        path: the database of labels, by convention labels.db.
        loop: what is asked for.
        settings: how bands are computed; default `BandSettings()`.
        training: how networks are made; default `Training()`.
        workers: processes that label, and threads that simulate. Results do not depend on it.
        checkpoint: where finished steps are kept; default beside the database.
        progress: True for a bar, or a function called as progress(task, fraction, text).
        rng: source of randomness; the same seed gives the same rounds.

    Raises:
        ValueError: one line; see `label_barriers`, or a pure metal, or cells that are too small to train on.
        OSError: the database cannot be written, or another process writes to it.
    """
    settings, streams = settings or BandSettings(), Streams.of(rng)
    alloy = random_alloy(structure)
    if len(alloy.species) < 2:
        raise ValueError(f"a closed loop needs an alloy, whose order can change; {', '.join(alloy.species)} is pure")
    with LabelDatabase(path) as database, reporting(progress, {"learn": 1000.0}) as report:
        told = _Told(report, loop.budget)
        cells = Cells(sites=loop.sites)
        labeller = Labeller.of(alloy, calculator, database, cells, settings, workers, streams, told)
        box, larger = Steps.boxes(labeller, loop.sites)
        steps = Steps(
            labeller=labeller,
            box=box,
            larger=larger,
            temperatures_K=tuple(loop.temperatures_K),
            training=training or Training(),
            sweeps=loop.sweeps,
            workers=workers,
            streams=streams,
            checkpoint=checkpoint or Checkpoint(database.path.parent),
            tell=told,
        )
        return _Rounds(loop, steps, told).run()


class _Told:
    """Progress of the loop: the share of the budget that is labelled, and what is being done."""

    def __init__(self, report: Report, budget: int) -> None:
        self._report, self._budget = report, budget
        self.labels, self.new, self.number = 0, 0, 0

    def __call__(self, task: str, fraction: float, text: str) -> None:
        labels = self.labels + (fraction * self.new if task == "label" else 0.0)
        self._report("learn", min(labels / self._budget, 1.0), f"round {self.number}, {text or task}")


class _Rounds:
    """The loop as it runs."""

    def __init__(self, loop: Loop, steps: Steps, told: _Told) -> None:
        self._loop, self._steps, self._told = loop, steps, told
        self._labels: list[Label] = []
        self._jumps: list[Jump] = []
        self._rounds: list[Round] = []

    def run(self) -> LearnedBarriers:
        """All rounds."""
        loop, model, visited = self._loop, None, None
        new = self._steps.first_jumps(min(loop.first, loop.budget))
        while True:
            self._label(new)
            found, model = self._train(model, visited, len(new))
            batch = loop.next_batch(len(self._jumps))
            visited = self._steps.visit(model, STATES * batch, len(self._rounds))
            self._rounds.append(
                dataclasses.replace(found, share_uncertain=visited.uncertain, visited_spread_eV=visited.rms_spread_eV)
            )
            left = loop.budget - len(self._jumps)
            new = choose(visited, self._steps.box, batch, self._jumps, f"visited-{len(self._rounds)}")[:left]
            stopped = self._why_stop(new)
            say.info("%s", self._rounds[-1].line(loop.budget, stopped or _next(new, visited)))
            if stopped:
                labeller = self._steps.labeller
                data = self._steps.data(self._labels, model)
                return LearnedBarriers(model, data, tuple(self._rounds), stopped, labeller.database.path)

    def _label(self, new: Sequence[Jump]) -> None:
        """Label jumps; labels keep the order of the jumps, whatever the order they were written in."""
        told = self._told
        told.number, told.labels, told.new = len(self._rounds), len(self._jumps), len(new)
        self._jumps += new
        by_name = self._steps.label(self._jumps)
        self._labels = [by_name[jump.name] for jump in self._jumps]
        told.labels = len(self._jumps)

    def _train(self, before: BarrierGNN | None, visited: VisitedJumps | None, new: int) -> tuple[Round, BarrierGNN]:
        """A network from all labels, and what it and the one before say."""
        steps, number = self._steps, len(self._rounds)
        chosen, missed = np.nan, {"mae_eV": np.nan, "rmse_eV": np.nan}
        if before is not None and visited is not None:
            missed = steps.error(before, self._labels[-new:])
            chosen = visited.spread_of(self._jumps[-new:])
        model = steps.network(self._labels, number)
        order = steps.order(model, number)
        moved = np.full_like(order.delta, np.nan)
        if self._rounds:
            moved = np.abs(order.delta - self._rounds[-1].order.delta)
        found = Round(
            number=number,
            labels=len(self._jumps),
            new=new,
            failed=sum(bool(label.reason) for label in self._labels),
            mae_eV=missed["mae_eV"],
            rmse_eV=missed["rmse_eV"],
            spread_eV=chosen,
            share_uncertain=np.nan,
            visited_spread_eV=np.nan,
            temperatures_K=steps.temperatures_K,
            pairs=steps.pairs,
            order=order,
            moved=moved,
        )
        return found, model

    def _why_stop(self, new: Sequence[Jump]) -> str:
        """The reason to stop; empty if there is none."""
        last, accuracy = self._rounds[-1], self._loop.accuracy
        if (last.moved <= last.order.bar).all() and last.order.bar.max() <= accuracy:
            return f"the order moved by less than its bars, none of which is above {accuracy:g}"
        if len(self._jumps) >= self._loop.budget:
            return "the budget is spent"
        return "" if new else "all jumps that are visited are labelled"


def _next(new: Sequence[Jump], visited: VisitedJumps) -> str:
    """What the next round labels, in words."""
    return (
        f"next {len(new)} jumps out of {len(visited.x)} visited states, RMS spread {visited.spread_of(new):.3f} eV "
        f"(all of them {visited.rms_spread_eV:.3f} eV)"
    )
