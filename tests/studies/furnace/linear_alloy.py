"""An alloy whose equation is known: an Ornstein-Uhlenbeck process with mean and rates that depend on temperature."""

import numpy as np
import torch
from ase.units import kB

from asemacro.macro.base import Diffusion, Drift
from asemacro.macro.sde import NeuralSDE
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.alloy.kept_course import KeptCourse
from asemacro.studies.alloy.points import PairTable
from asemacro.studies.furnace.kinetics import Kinetics

SPECIES = ("Cr", "Co", "Ni")
COLD, HOT = 800.0, 1400.0
CENTRE, SPREAD = 0.5 / COLD + 0.5 / HOT, 0.5 / COLD - 0.5 / HOT
MIGRATION_eV = 0.9
HOP_S = 1e-13
START = np.array([0.004, 0.003, -0.002])
MEAN, SLOPE = np.array([0.6, -0.3, 0.2]), np.array([0.25, -0.1, 0.05])
RATE = 1 / 200  # per hop
NOISE = np.array([2e-4, 1e-4, 3e-4])  # variance per 1 / rate, over 2


def theta(kelvin):
    return (1 / np.asarray(kelvin, dtype=float) - CENTRE) / SPREAD


def hop_s(kelvin):
    return HOP_S * np.exp(MIGRATION_eV / (kB * np.asarray(kelvin, dtype=float)))


def mean(kelvin):
    return MEAN + SLOPE * theta(kelvin)[..., None]


def rate(kelvin):
    """k(T) of dz = -k (z - m) dt, which is no pure Arrhenius law."""
    return RATE / hop_s(kelvin) * (1 + 0.3 * theta(kelvin))


class Linear(Drift):
    def __init__(self):
        super().__init__(3, 1)
        self.register_buffer("one", torch.ones(1, dtype=torch.float64))

    def forward(self, y, c):
        return -(1 + 0.3 * c) * (y - torch.from_numpy(MEAN) - torch.from_numpy(SLOPE) * c)


class Even(Diffusion):
    def __init__(self):
        super().__init__(3, 1, dtype=torch.float64)

    def factor(self, y, c):
        return torch.diag(torch.from_numpy(np.sqrt(2 * NOISE))).expand(len(y), 3, 3)


def equation():
    sde = NeuralSDE(Linear(), Even(), labels=("Cr-Co", "Cr-Ni", "Co-Ni"), sites=8000)
    sde.condition_centre = torch.tensor([CENTRE, SPREAD], dtype=torch.float64)
    slope = MIGRATION_eV / kB
    sde.log_time = torch.tensor([np.log(HOP_S / RATE) + slope * CENTRE, slope * SPREAD, 0.0], dtype=torch.float64)
    return sde


def course(kelvin, *, runs=np.inf, goal=None, error=0.01):
    """Of simulations of `runs` relaxation times: equilibrium counts as reached if they are long."""
    k, goal_ = float(rate(kelvin)), mean(kelvin) if goal is None else goal
    reached = runs > 5
    times = np.geomspace(64 * float(hop_s(kelvin)), 150 / k, 400)
    path = mean(kelvin) + (START - mean(kelvin)) * np.exp(-k * times)[:, None]
    return KeptCourse(
        temperature_K=float(kelvin),
        hop_s=float(hop_s(kelvin)),
        runs_s=min(runs, 12.0) / k,
        reached=reached,
        goal_known=True,
        relaxation_s=1 / k,
        growth=0.2,
        most_growth=0.4,
        start=START,
        start_covariance=np.diag([1e-4, 1e-4, 1e-4]),
        goal=goal_,
        goal_error=np.full(3, error),
        learned=mean(kelvin),
        contacts=np.array([1e-3, 0, 0, 1e-3, 0, 1e-3]),
        times_s=times,
        path=path,
        path_error=np.full_like(path, error / 2),
    )


def kinetics(temperatures=(COLD, 1000.0, 1200.0, HOT), *, runs=None, members=0, **options):
    sro = WarrenCowley(SPECIES, shells=1, pairs="all")
    counts = np.array([341.0, 341.0, 341.0])
    table = PairTable(sro.species, sro.labels, np.array(sro.pairs), counts, 12, 1)
    about = {
        "barriers": "linear",
        "species": list(SPECIES),
        "composition": dict.fromkeys(SPECIES, 1 / 3),
        "lattice": "fcc",
        "sites": 8000,
        "small_sites": 1024,
        "vacancies": 8,
    }
    runs = runs or {}
    courses = [course(t, runs=runs.get(t, np.inf), **options) for t in temperatures]
    return Kinetics([equation() for _ in range(1 + members)], courses, table, 2.5, 1 / 1024, about)
