"""Graph networks in any cell of their lattice, strained cells too; other lattices are refused."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from lattices_of_networks import (
    LATTICES,
    SPECIES,
    by_jump,
    from_cell,
    large_enough,
    make,
    network,
    random_state,
)

from asemacro.barriers.energy import swap_energy
from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC


@pytest.mark.parametrize("name", ["fcc", "hcp", "diamond", "dhcp"])
def test_same_barriers_in_any_cell(name: str) -> None:
    """The same atoms read again, in another cell, turned and strained within the shell tolerance."""
    jumps = network(name)
    lattice = large_enough(LATTICES[name](), jumps)
    model = make(jumps, "consistent")
    atoms = lattice.to_atoms(random_state(lattice, 3))
    wanted = np.sort(list(by_jump(model, lattice, lattice.state(atoms)[0]).values()))
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    stretched = np.diag([1.0, 1.0, 0.97])
    cell = np.array(atoms.cell)
    sheared = np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]])
    for change, supercell in ((np.eye(3), np.eye(3)), (turn, sheared), (stretched @ turn, np.eye(3))):
        other = Atoms(numbers=atoms.numbers, positions=atoms.positions @ change, pbc=True)
        other.set_cell(supercell @ cell @ change)
        read = Lattice.from_atoms(other)
        assert read.prototype == jumps.prototype
        found = np.sort(list(by_jump(model, read, read.state(other)[0]).values()))
        np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize("ratio", [1.5, 1.58, 1.633, 1.86, 1.9])
def test_hcp_of_any_ratio_keeps_its_twelve_jumps(ratio: float) -> None:
    model = make(JumpNetwork.named("hcp"), "consistent")
    ideal = Lattice.hcp(2.5, SPECIES, (7, 7, 5))
    other = Lattice.hcp(2.5, SPECIES, (7, 7, 5), c=2.5 * ratio)
    x = random_state(ideal, 3)
    assert by_jump(model, other, x) == pytest.approx(by_jump(model, ideal, x), abs=1e-6)
    assert VacancyKMC(other, model, 1000.0).jumps.shape == (2, 12, 4)


def test_directions_are_never_lost_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    zinc = Lattice.hcp(2.66, SPECIES, (9, 9, 5), c=4.95)
    assert zinc.shells(1)[0].offsets.shape[1] == 6  # basal neighbours only
    with pytest.raises(ValueError, match="leave 1 of its axes unreached: name the shells") as error:
        JumpNetwork.of(zinc)
    assert "\n" not in str(error.value)
    model = make(JumpNetwork.of(zinc, 2), "direct")
    assert model.compile(zinc).n_targets == 12
    flat = make(JumpNetwork.of(zinc, 1), "direct")
    pairs = PairBarrier(SPECIES, {"Co": 0.7, "Ni": 0.7}, [{}])
    with caplog.at_level("INFO", logger="asemacro"):
        VacancyKMC(zinc, model, 1000.0)
        assert not caplog.messages
        VacancyKMC(zinc, flat, 1000.0)
        VacancyKMC(Lattice.hcp(2.66, SPECIES, 9, c=4.95), pairs, 1000.0)
    assert len(caplog.messages) == 2
    assert all("the 6 jumps of a vacancy keep it to planes of this hcp lattice" in line for line in caplog.messages)


def test_lattices_of_another_kind_are_refused() -> None:
    model = make(JumpNetwork.named("fcc"), "direct")
    for lattice, message in (
        (Lattice.bcc(3.2, SPECIES, 6), "is for fcc lattices, the structure is bcc"),
        (Lattice.fcc(3.6, SPECIES, 3), "needs a larger cell than 3 x 3 x 3: repeat it 2 x 2 x 2 times"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            model.compile(lattice)
        assert "\n" not in str(error.value)
    tetragonal = from_cell(np.diag([2.5, 2.5, 2.0]), [[0, 0, 0]], (8, 8, 9))
    flat = from_cell(np.diag([2.5, 2.5, 3.4]), [[0, 0, 0]], (8, 8, 9))
    assert tetragonal.prototype == flat.prototype == "P4/mmm"
    own = make(JumpNetwork.of(tetragonal, 2), "direct")
    assert own.compile(tetragonal).n_targets == 6
    with pytest.raises(ValueError, match=r"ideal cell is distorted by .* from that of the model"):
        own.compile(flat)


def test_jumps_to_more_shells() -> None:
    """First and second shell of bcc: fourteen jumps of two types, and detailed balance among all of them."""
    jumps = JumpNetwork.named("bcc", 2)
    lattice = large_enough(Lattice.bcc(3.2, SPECIES, 6), jumps)
    model = make(jumps, "consistent")
    kmc = VacancyKMC(lattice, model, 1000.0)
    x = random_state(lattice, 2)
    assert kmc.jumps.shape[1] == 14
    assert (kmc.rates(x) > 0).sum() >= 27
    energy, shape, work = model.compile_energy(lattice), np.array(lattice.shape), np.zeros(0, dtype=np.float32)
    for (v, j), forward in by_jump(model, lattice, x).items():
        y = x.copy()
        y[v], y[j] = y[j], 0
        change = swap_energy(energy, shape, x, v, j, work)
        assert forward - by_jump(model, lattice, y)[j, v] == pytest.approx(change, abs=5e-6)
