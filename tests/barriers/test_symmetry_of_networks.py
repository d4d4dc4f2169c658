"""Graph networks on lattices of every kind have the symmetry of the lattice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import spglib
from lattices_of_networks import (
    LATTICES,
    by_jump,
    large_enough,
    make,
    network,
    random_state,
)

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.graph import graph_of
from asemacro.lattice.lattice import Lattice


def operations(lattice: Lattice) -> Iterator[np.ndarray]:
    """Where each site goes under one operation of the space group for each of the point group, from spglib."""
    found = spglib.get_symmetry((lattice.cell, lattice.basis, [1] * lattice.n_basis), symprec=1e-4)
    seen = set()
    fractions = lattice.positions() @ np.linalg.inv(lattice.cell)
    for matrix, shift in zip(found["rotations"], found["translations"], strict=True):
        if matrix.tobytes() in seen or (not all(lattice.pbc) and (matrix[2] != [0, 0, 1]).any()):
            continue
        seen.add(matrix.tobytes())
        sites, distance = lattice.nearest_sites((fractions @ matrix.T + shift) @ lattice.cell)
        assert distance.max() < 1e-6
        yield sites


@pytest.mark.parametrize("form", ["direct", "consistent"])
@pytest.mark.parametrize(("name", "order"), [("bcc", 48), ("fcc", 48), ("hcp", 24), ("diamond", 48), ("dhcp", 24)])
def test_invariant_under_the_whole_group(name: str, order: int, form: str) -> None:
    jumps = network(name)
    lattice = LATTICES[name]()
    cubes = max(lattice.shape[:2])  # a box with the symmetry of the lattice
    lattice = large_enough(lattice, jumps)
    assert lattice.shape[0] == lattice.shape[1] == cubes
    model = make(jumps, form)
    x = random_state(lattice, 5)
    wanted = by_jump(model, lattice, x)
    values = np.array(list(wanted.values()))
    assert len(values) > 15
    assert np.ptp(values) > 0.05
    count = 0
    for moved in operations(lattice):
        turned = np.empty_like(x)
        turned[moved] = x
        found = by_jump(model, lattice, turned)
        back = np.array([found[int(moved[v]), int(moved[j])] for v, j in wanted])
        np.testing.assert_allclose(back, values, atol=2e-5)
        count += 1
    assert count == order


def test_types_of_jumps() -> None:
    """Basal and pyramidal jumps of hcp are two types, at the ideal c/a too; cubic lattices have one type."""
    assert {n: [g.n_jumps for g in graph_of(JumpNetwork.named(n)).sites] for n in ("bcc", "fcc", "sc", "diamond")} == {
        "bcc": [8], "fcc": [12], "sc": [6], "diamond": [4],
    }  # fmt: skip
    assert all(len(graph_of(JumpNetwork.named(n)).types) == 1 for n in ("bcc", "fcc", "sc", "diamond"))
    hcp = graph_of(JumpNetwork.named("hcp"))
    assert np.bincount(hcp.sites[0].jump_type).tolist() == [6, 6]
    rise = [abs(t.template[1][2] + np.array(hcp.network.basis)[t.template[1][3], 2] - 0.25) for t in hcp.types]
    assert np.ptp(rise) == pytest.approx(0.5)
    double = graph_of(network("dhcp"))
    assert len(double.sites) == 2
    assert all(double.types[t.reverse].reverse == k for k, t in enumerate(double.types))
    between = [(k, t.reverse) for k, t in enumerate(double.types) if t.kind != double.types[t.reverse].kind]
    assert len(between) == 2  # the jumps from one kind of layer to the other, and back
    odd = graph_of(network("A15"))
    assert sorted(site.n_jumps for site in odd.sites) == [6, 12]
