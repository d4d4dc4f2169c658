"""The learned order over a programme against kinetic Monte Carlo under the same programme, nothing learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import asemacro as am
from asemacro.barriers import BarrierModel
from asemacro.micro.alloy import VacancyKMC
from asemacro.observables import WarrenCowley
from asemacro.typing import Floats

STRUCTURES = Path(__file__).resolve().parents[3] / "structures"
PROGRAMME = "1600K 2e-9s; cool 1e10K/s to 1100K; 1100K 1e-7s"
STEPS = 50  # of the ramp, each at its middle temperature
SEEDS = 10


def direct(box: am.Lattice, pair: BarrierModel, schedule: am.Schedule, rng: np.random.Generator) -> Floats:
    """(stages, d) delta of one specimen at the end of each stage, from random."""
    phi = WarrenCowley(box.species)
    x = box.random_state(vacancies=box.n_sites // 256, rng=rng)
    ends = []
    for stage in schedule:
        parts = 1 if stage.from_K == stage.to_K else STEPS
        for k in range(parts):
            kelvin = stage.from_K + (stage.to_K - stage.from_K) * (k + 0.5) / parts
            x, _ = VacancyKMC(box, pair, kelvin).evolve(x, stage.duration_s / parts, rng=rng)
        ends.append(phi(x, box)[0])
    return np.array(ends)


@pytest.mark.slow
def test_direct_simulations_lie_within_the_bars() -> None:
    """Ten specimens, in the time of the simulations: their mean within the bars, their scatter that of the equation."""
    atoms = am.read_structure(STRUCTURES / "NiCoCr.cif")
    pair = am.load_barriers(STRUCTURES / "NiCoCr_pair.json")
    diagram = am.phase_diagram(
        atoms, pair, temperatures_K=(1100, 1250, 1400, 1600), sites=864, small=216, hops=20_000,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    schedule = am.Schedule.parse(PROGRAMME)
    found = am.anneal(diagram, schedule, rng=np.random.default_rng(1))
    box = am.Lattice.fcc(3.56, ("Cr", "Co", "Ni"), 1).at_least(diagram.about["sites"])
    ends = np.array([direct(box, pair, schedule, np.random.default_rng([2, k])) for k in range(SEEDS)])
    pairs = [found.labels.index(label) for label in WarrenCowley(box.species).labels]
    at = [int(np.flatnonzero(found.stage == k)[-1]) for k in range(len(schedule))]
    predicted, error, sd = (np.asarray(v)[at][:, pairs] for v in (found.delta, found.delta_err, found.delta_sd))
    mean, scatter = ends.mean(axis=0), ends.std(axis=0, ddof=1)
    pull = (mean - predicted) / np.hypot(error, scatter / np.sqrt(SEEDS))
    print(mean, predicted, error, scatter, sd, pull, sep="\n")
    # of two standard errors nine in ten lie within; honest bars never miss one of nine by 4.7 (probability 1e-5)
    assert np.abs(pull).max() < 4.7
    assert np.mean(np.abs(pull) < 2) >= 0.6
    assert np.all(scatter / sd < 2)
    assert np.all(sd / scatter < 3)
    # and the order is not at equilibrium at the end of the ramp, so that the kinetics was tested
    assert mean[1, 0] < 0.97 * mean[2, 0]
