"""Order parameters of waves: 1 in the ordered structures, shares that add up, the known noise in random alloys."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import make_supercell
from ase.spacegroup import crystal

from asemacro.lattice.lattice import Lattice
from asemacro.observables.sublattice_order import SublatticeOrder

A = 3.2
BCC, FCC = Lattice.bcc(A, ["Mo", "Ta"], 4), Lattice.fcc(A, ["Mo", "Ta"], 4)


def b2() -> np.ndarray:
    return 1 + (np.rint(BCC.positions()[:, 0] / A * 2) % 2).astype(np.int8)


def of_structure(box: Lattice, cell: tuple[float, ...], symbols: list[str], basis: list[tuple], group: int, times: int):
    """State of an ordered structure of textbooks (ase.spacegroup), repeated to the box."""
    atoms = crystal(symbols, basis, spacegroup=group, cellpar=[*cell, 90, 90, 90])
    return box.state(make_supercell(atoms, np.diag([times] * 3)))


def order(box: Lattice, x: np.ndarray) -> dict[str, float]:
    phi = SublatticeOrder(box, np.bincount(x.ravel(), minlength=len(box.species) + 1))
    return dict(zip(phi.stars, phi(x)[: len(phi.stars)], strict=True))


CASES = [
    pytest.param(BCC, ((A,) * 3, ["Mo", "Ta"], [(0, 0, 0), (0.5, 0.5, 0.5)], 221, 4), {"H": 1}, id="B2"),
    pytest.param(
        BCC, ((2 * A,) * 3, ["Mo", "Ta"], [(0, 0, 0), (0.5, 0.5, 0.5)], 227, 2), {"P": 1}, id="B32"
    ),
    pytest.param(
        BCC, ((2 * A,) * 3, ["Ta", "Mo", "Mo"], [(0, 0, 0), (0.25, 0.25, 0.25), (0.5, 0.5, 0.5)], 225, 2),
        {"H": np.sqrt(1 / 3), "P": np.sqrt(2 / 3)}, id="D0_3",
    ),
    pytest.param(
        FCC, ((A,) * 3, ["Ta", "Mo"], [(0, 0, 0), (0.5, 0.5, 0)], 221, 4), {"X": 1}, id="L1_2"
    ),
]  # fmt: skip


@pytest.mark.parametrize(("box", "made", "expected"), CASES)
def test_ordered_structures(box: Lattice, made: tuple, expected: dict[str, float]) -> None:
    x = of_structure(box, *made)
    found = order(box, x)
    assert {star: pytest.approx(value, abs=1e-9) for star, value in expected.items()} == {s: found[s] for s in expected}
    assert sum(value**2 for value in found.values()) == pytest.approx(1)
    shifted = box.state(box.to_atoms(x[0]).copy())
    assert order(box, shifted) == found


def test_layers_of_fcc_and_of_hcp() -> None:
    layers = 1 + (np.rint(FCC.positions()[:, 2] / A * 2) % 2).astype(np.int8)
    assert order(FCC, layers)["X"] == pytest.approx(1)  # L1_0
    hcp = Lattice.hcp(A, ["Mo", "Ta"], 4)
    assert order(hcp, np.tile([1, 2], 64).astype(np.int8))["Gamma"] == pytest.approx(1)  # B_h
    rows = 1 + (np.indices((4, 4, 4))[1].ravel() % 2).repeat(2).astype(np.int8)
    assert order(hcp, rows)["M"] == pytest.approx(1)  # B19


def test_pairs_tell_who_shares_a_sublattice() -> None:
    box = Lattice.bcc(A, ["Nb", "Mo", "Ta", "W"], 4)
    rng = np.random.default_rng(0)
    first = b2() == 1
    x = np.zeros(128, dtype=np.int8)
    x[first] = rng.permutation(np.repeat([1, 3], 32))  # Nb, Ta
    x[~first] = rng.permutation(np.repeat([2, 4], 32))  # Mo, W
    phi = SublatticeOrder(box, np.bincount(x, minlength=5))
    n = len(phi.stars)
    at = n + phi.stars.index("H") * len(phi.pairs)
    found = dict(zip(phi.pairs, phi(x)[at : at + len(phi.pairs)], strict=True))
    assert found["Nb-Ta"] == found["Mo-W"] == pytest.approx(1)
    assert found["Nb-Mo"] == found["Ta-W"] == found["Nb-W"] == pytest.approx(-1)
    assert phi(x)[phi.stars.index("H")] == pytest.approx(np.sqrt(4 / 16 / 0.75))


def test_the_square_in_random_alloys_is_that_of_independent_waves() -> None:
    """Mean of the share of n arms, sites without replacement: n / (N - 1) of one sublattice."""
    rng = np.random.default_rng(1)
    counts = np.array([0, 40, 88])
    phi = SublatticeOrder(BCC, counts)
    squares = np.array([phi(BCC.random_state({"Mo": 40, "Ta": 88, "X": 0}, rng=rng)[0])[:4] ** 2 for _ in range(1500)])
    arms = np.array([{"H": 1, "P": 2, "N": 6}.get(star, 6) for star in phi.stars])
    assert (np.abs(squares.mean(axis=0) - arms / 127) < 4.4 * squares.std(axis=0) / np.sqrt(1500)).all()
