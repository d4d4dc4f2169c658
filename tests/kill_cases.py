"""Every long verb in the smallest form that still keeps something several times, and the results that it must give."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import ase.io
from ase.build import bulk
from barrier_data import write_barriers

from asemacro.barriers.data import training
from asemacro.studies.alloy import prediction
from asemacro.studies.furnace import scatter
from asemacro.studies.paper import fig3a, fig4
from asemacro.studies.paper.spin_models import Effort
from asemacro.tasks import keeper, on_the_way, parts

STRUCTURES = Path(__file__).parents[1] / "structures"
ALLOY = (STRUCTURES / "NiCoCr.cif", "--barriers", STRUCTURES / "NiCoCr_pair.json")
BANDS = ("CuAu.extxyz", "--calculator", "springs:Springs", "--relax", "none", "--sites", 54, "--workers", 1)


@dataclasses.dataclass(frozen=True)
class Case:
    """A command.

    Attributes:
        words: of it.
        results: files that it must give, in the folder.
        file: what -o names in the folder; empty for the folder itself.
        every_s: between two times that it is kept, as short as it is.
    """

    words: tuple[object, ...]
    results: tuple[str, ...]
    file: str = ""
    every_s: float = 0.1


CASES = {
    "kmc": Case(
        ("kmc", *ALLOY, "-T", 1200, "--sites", 500, "--hops", 20_000),
        ("sro.csv", "final.extxyz", "trajectory.amz.zip"),
        every_s=0.005,
    ),
    "sample": Case(
        ("sample", "ising", "--sites", 256, "--until", 20, "--runs", 2),
        ("observables.csv", "final.extxyz", "trajectory.amz.zip"),
        every_s=0.01,
    ),
    "learn ising": Case(
        ("learn", "ising", "--sites", 256, "--small", 64, "--starts", 25), ("sde.safetensors", "training.safetensors")
    ),
    "learn kac-ising": Case(
        ("learn", "kac-ising", "--sites", 4096, "--range", 4, "--starts", 12, "--field", 0),
        ("spde.safetensors", "kernel.csv", "mobility.csv"),
    ),
    "learn predator-prey-ode": Case(
        ("learn", "predator-prey-ode", "--sites", 6, "--trajectories", 4, "--fits", 2, "--closure", 1),
        ("ode.safetensors", "encoder.safetensors", "training.safetensors"),
    ),
    "learn alloy": Case(
        ("learn", "alloy", *ALLOY, "-T", "1000,1500", "--small", 108, "--sites", 432, "--hops", 2000, "--workers", 1),
        ("sde.safetensors", "training.safetensors"),
    ),
    "phase-diagram": Case(
        (
            *("phase-diagram", *ALLOY, "--temperatures", "1000,1500", "--small", 108, "--sites", 432),
            *("--hops", 2000, "--sweeps", 40, "--workers", 1),
        ),
        ("sro.csv", "sde.safetensors", "ttt.csv", "final.extxyz"),
    ),
    "anneal": Case(
        (
            *("anneal", *ALLOY, "--schedule", "1500K 1e-8s", "--temperatures", "1000,1500"),
            *("--small", 108, "--sites", 432, "--hops", 2000, "--sweeps", 40, "--workers", 1),
        ),
        ("anneal.csv", "model/sro.csv", "model/sde.safetensors"),
    ),
    "diffusion": Case(
        ("diffusion", *ALLOY, "-T", "1200,1600", "--sites", 108, "--runs", 6, "--hops", 4000, "--workers", 1),
        ("diffusion.csv", "onsager.csv", "arrhenius.csv"),
    ),
    "equilibrium": Case(
        ("equilibrium", *ALLOY, "-T", "900,1500", "--sites", 256, "--sweeps", 80, "--workers", 1),
        ("order.csv", "thermodynamics.csv", "long_range_order.csv"),
    ),
    "reproduce": Case(("reproduce", "fig4", "--quick"), ("fig4.csv", "fig4.json")),
    "barriers train": Case(
        ("barriers", "train", "barriers.npz", "--form", "direct", "--members", 2, "--folds", 2, "--epochs", 3),
        ("model.safetensors", "model.md"),
        file="model.safetensors",
    ),
    "barriers label": Case(
        ("barriers", "label", *BANDS, "--states", "random", "--cells", 4, "--jumps", 20),
        ("labels.db",),
        file="labels.db",
    ),
    "barriers learn": Case(
        (
            *("barriers", "learn", *BANDS, "-T", 2000, "--budget", 8, "--first", 4),
            *("--batch", 2, "--sweeps", 40, "--members", 2),
        ),
        ("model.safetensors", "model.md", "rounds.csv", "labels.db"),
    ),
}


def make_small(case: Case) -> None:
    """In this process the commands keep all they can, and do as little as they can."""
    parts.EVERY_S = case.every_s
    keeper.Keeper.__init__.__defaults__ = (case.every_s,)
    parts.LEAST_S = on_the_way.LEAST_S = on_the_way.LOOK_S = 0.0
    prediction.FIT = dataclasses.replace(prediction.FIT, max_epochs=2, min_steps=50)
    scatter.TRAJECTORIES = 4
    training.LEAST_STEPS = 4
    training.WIDTHS = {
        "direct": {"width": 4, "hidden": 8},
        "consistent": {"width": 4, "hidden": 8, "energy_width": 6},
    }
    effort = Effort(8, 1, 1)
    fig4.QUICK = fig3a.Budget(effort, effort, 4, 4, pair_draws=1)
    fig4.SIZES = fig4.SIZES[:2]  # type: ignore[assignment]


def write_inputs(folder: Path) -> None:
    """Files that the commands read, by these names in the present folder."""
    write_barriers(folder / "barriers.npz")
    atoms = bulk("Cu", "bcc", a=3.0, cubic=True).repeat(3)
    atoms.symbols[::2] = "Au"
    ase.io.write(folder / "CuAu.extxyz", atoms)
