"""Order from a network that was trained on barriers, against Monte Carlo on the calculator that made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.units import kB
from compiled_emt import calculator, lattice_energy, on_lattice, swaps

from asemacro.barriers.data.card import train_with_card
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.labelling.bands import BandSettings
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.swap import SwapMC
from asemacro.observables.alloy import WarrenCowley
from asemacro.studies.labelling import Cells, label_barriers

CU3AU = {"Cu": 0.75, "Au": 0.25}


def test_compiled_emt_is_that_of_ase() -> None:
    """Energies and forces of any cell, and the tables of energies on the lattice."""
    lattice = Lattice.fcc(3.75, ["Cu", "Au"], 3)
    x = lattice.random_state(composition=CU3AU, vacancies=0, rng=np.random.default_rng(0))[0]
    atoms = lattice.to_atoms(x)
    atoms.calc = EMT()
    assert lattice_energy(x, *on_lattice(lattice)) == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    for moved in (atoms, atoms[[0, 1, 5, 9, 30]]):  # without periodic images of their own too
        moved.positions += np.random.default_rng(1).normal(scale=0.1, size=moved.positions.shape)
        other = moved.copy()
        moved.calc, other.calc = EMT(), calculator()
        assert other.get_potential_energy() == pytest.approx(moved.get_potential_energy(), abs=1e-9)
        np.testing.assert_allclose(other.get_forces(), moved.get_forces(), atol=1e-9)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> tuple[BarrierGNN, float]:
    """A network from 1,000 unrelaxed labels of Cu3Au, and their lattice parameter."""
    folder = tmp_path_factory.mktemp("labels")
    found = label_barriers(
        Lattice.fcc(3.75, ["Cu", "Au"], 1, composition=CU3AU),
        "compiled_emt:calculator",
        folder / "labels.db",
        cells=Cells(cells=50, jumps=1000),
        settings=BandSettings(relax="none"),
        workers=1,
        rng=np.random.default_rng(0),
    )
    fitted = train_with_card(folder / "labels.db", Path(folder / "cu3au.safetensors"), folds=0)
    return fitted.model, float(found.lattice.conventional[0, 0])


@pytest.mark.slow
@pytest.mark.parametrize(("temperature_K", "order"), [(1500, (0.2, 0.4)), (600, (0.5, 0.7))])
@pytest.mark.parametrize("side", [3, 4])
def test_swaps_have_the_order_of_emt_itself(
    side: int, temperature_K: int, order: tuple[float, float], learned: tuple[BarrierGNN, float]
) -> None:
    """delta of Cu-Au in 108 and 256 sites without a vacancy: weak order at 1500 K, strong at 600 K (1 at most)."""
    model, a = learned
    lattice = Lattice.fcc(a, ["Cu", "Au"], side)
    rng, n, phi = np.random.default_rng(side), lattice.n_sites, WarrenCowley(["Cu", "Au"])
    x = lattice.random_state(composition=CU3AU, vacancies=0, rng=rng)[0]
    run = SwapMC(lattice, model, temperature_K).run(
        x, record_sweeps=np.arange(300, 2300, 4), observe=lambda state: phi(state, lattice)[0, 0], rng=rng
    )
    tables = on_lattice(lattice)
    x = swaps(x, *tables, 1 / (kB * temperature_K), 300 * n, rng)
    wanted = []
    for _ in range(500):
        x = swaps(x, *tables, 1 / (kB * temperature_K), 4 * n, rng)
        wanted.append(phi(x, lattice)[0, 0])
    assert order[0] < np.mean(wanted) < order[1]
    print(f"{n} sites, {temperature_K} K: {run.record.mean():.3f}, EMT itself {np.mean(wanted):.3f}")
    assert run.record.mean() == pytest.approx(np.mean(wanted), abs=0.05)
