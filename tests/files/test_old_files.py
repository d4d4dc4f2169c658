"""Files written by version 0.1 give the numbers that they gave there; tests/data/v0.1/make.py made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asemacro as am
from asemacro.macro.moment_fit import MomentReport
from asemacro.macro.sde import NeuralSDE

OLD = Path(__file__).resolve().parent.parent / "data" / "v0.1"
EXPECTED: dict[str, Any] = json.loads((OLD / "expected.json").read_text())


def check_sde(sde: NeuralSDE, name: str, condition: float | None) -> None:
    """Drift and covariance rate at the recorded states."""
    assert (sde.labels, sde.sites) == (("a", "b"), 64)
    z = EXPECTED["z"]
    np.testing.assert_allclose(sde.drift(z, condition), EXPECTED[name]["drift"], rtol=1e-5)
    np.testing.assert_allclose(sde.diffusion(z, condition), EXPECTED[name]["diffusion"], rtol=1e-5)


def test_an_sde_of_networks() -> None:
    (sde,) = am.load_sde(OLD / "onsager.safetensors")
    check_sde(sde, "onsager", 1100.0)


def test_a_reversible_sde_and_its_stationary_law() -> None:
    (sde,) = am.load_sde(OLD / "reversible.safetensors")
    check_sde(sde, "reversible", None)
    law = am.stationary_law(sde, nodes=20)
    np.testing.assert_allclose(law.mean(law.z), EXPECTED["reversible"]["law"], rtol=1e-9)


def test_a_learned_folder_with_training_states_and_report() -> None:
    learned = am.Learned.load(OLD / "learned")
    check_sde(learned.sde, "learned", None)
    assert (learned.n_observed, len(learned.z)) == (1, 40)
    np.testing.assert_allclose(learned.start([0.2], nearest=4), EXPECTED["learned"]["start"], rtol=1e-9)
    report = learned.report
    assert isinstance(report, MomentReport)
    assert (report.degrees, report.noise.tolist(), report.network_kept) == ((3, 2), [0.5, 0.25], True)


def test_closure_variables() -> None:
    closure = am.load_closure(OLD / "closure.safetensors")
    spins = np.array(EXPECTED["spins"], dtype=np.int8)
    np.testing.assert_allclose(closure(spins, am.Lattice.square(1.0, "X", 4)), EXPECTED["closure"], rtol=1e-6)
    assert closure.notes == {"by": "make.py"}


@pytest.mark.parametrize("name", ["gnn.safetensors", "pair.json"])
def test_barrier_models(name: str) -> None:
    model = am.load_barriers(OLD / name)
    lattice, x = am.Lattice.bcc(3.2, ("Nb", "Mo"), 5), np.array(EXPECTED["x"], dtype=np.int8)
    found = model.barriers(lattice, x, np.flatnonzero(x == 0))
    np.testing.assert_allclose(found, EXPECTED[name.partition(".")[0]], rtol=1e-5)
