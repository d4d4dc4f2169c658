"""Where the graph of a crystal lies on a lattice of the same kind: in any cell, turned, shifted or strained."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.graph import graph_of
from asemacro.barriers.gnn.site_graph import SiteGraph, reordered
from asemacro.lattice.boxes import sites_in
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.recognition.distortion import SHELL_TOLERANCE, distortion
from asemacro.lattice.shells import offsets_from
from asemacro.lattice.sites import cells_of, sites_at
from asemacro.typing import Floats, Integers

_OFF = 0.3  # in shortest distances: how far a site may lie from where the ideal crystal has it
_SHIFTED = 0.2  # in shortest distances: how far sites of two crystals of one kind may lie apart
_SAME_SHAPE = 1e-3
_FREE_SHAPE = ("hcp",)  # lattices whose name does not depend on c/a


class Placement(NamedTuple):
    """The graph around a vacancy on each site of a lattice's unit cell.

    Attributes:
        kinds: (n_basis,) kind of each site.
        sites: the graph of each site, its jumps in the order of the lattice.
        env: (n_basis, n_env, 4) offsets of its environment on the lattice.
        orders: (n_basis, Z) for each jump in the order of the lattice which jump of the graph of the kind it is,
            -1 beyond the jumps of the site.
    """

    kinds: Integers
    sites: tuple[SiteGraph, ...]
    env: Integers
    orders: Integers


class Environments(NamedTuple):
    """What networks are given of vacancies: their surroundings on the graphs of the kinds of their sites.

    Attributes:
        env: (n, n_env) int8 species, 0 = vacancy.
        kind: (n,) kind of the site of each.
        order: (n, Z) for each jump in the order of the lattice which jump of the graph it is, -1 for none.
    """

    env: NDArray[np.int8]
    kind: Integers
    order: Integers

    def on_lattice(self, values: Floats) -> Floats:
        """(n, Z) values of the jumps in the order of the lattice, from the order of the graphs; nan for no jump."""
        return np.where(self.order >= 0, np.take_along_axis(values, np.maximum(self.order, 0), axis=1), np.nan)


def sites_around(placed: Placement, lattice: Lattice, sites: Integers) -> Integers:
    """(n, n_env) sites of the lattice around the sites (n,), in the order of the graphs of their kinds."""
    cells, basis = cells_of(lattice.shape, lattice.n_basis, sites)
    rows = placed.env[basis]
    around = sites_at(lattice.shape, lattice.n_basis, cells[:, None] + rows[..., :3], rows[..., 3])
    order = placed.orders[basis]
    targets = np.repeat(sites[:, None], order.shape[1], axis=1)
    here, jump = np.nonzero(order >= 0)
    targets[here, order[here, jump]] = around[here, 1 + jump]
    around[:, 1 : 1 + order.shape[1]] = targets
    return around


def environments(placed: Placement, lattice: Lattice, x: NDArray[np.int8], sites: Integers) -> Environments:
    """Surroundings of the vacancies `sites` (n,) of the state x (n_sites,), whose species are those of the network."""
    basis = sites % lattice.n_basis
    return Environments(x[sites_around(placed, lattice, sites)], placed.kinds[basis], placed.orders[basis])


def place(network: JumpNetwork, lattice: Lattice) -> Placement:
    """Lay the graph of a crystal onto a lattice (made once for a lattice).

    Jumps are in the order of the lattice's shells: shell by shell of the ideal crystal, then by their displacement in
    the conventional frame of the lattice.

    Raises:
        ValueError: one line; the lattice is not that crystal.
    """
    key = ("placement", network)
    if key not in lattice._memo:
        lattice._memo[key] = _placed(network, lattice)
    found: Placement = lattice._memo[key]
    return found


def _placed(network: JumpNetwork, lattice: Lattice) -> Placement:
    graph = graph_of(network)
    turn, to = _frame(network, lattice)
    spacing = (abs(np.linalg.det(lattice.cell)) / lattice.n_basis) ** (1 / 3)
    kinds = network.kinds[to]
    known: dict[tuple[int, tuple[int, ...]], SiteGraph] = {}
    sites, envs = [], []
    orders = np.full((lattice.n_basis, graph.n_jumps), -1, dtype=np.int64)
    frame = np.linalg.inv(lattice.conventional)
    for b, (kind, target) in enumerate(zip(kinds, to, strict=True)):
        site = graph.sites[kind]
        matrix = network.operations[0][network.between(site.origin, int(target))[0]]
        moves = network.displacements(site.sites, site.origin) @ matrix.T @ turn @ lattice.conventional
        env = offsets_from(lattice, b, moves @ np.linalg.inv(lattice.cell), _OFF * spacing)
        n = site.n_jumps
        shell = np.round(network.distances(site.sites[1 : 1 + n], site.origin), 3)
        there = env[1 : 1 + n]
        apart = (there[:, :3] + lattice.basis[there[:, 3]] - lattice.basis[b]) @ lattice.cell @ frame
        order = np.lexsort((*np.round(apart, 5).T[::-1], shell))
        orders[b, :n] = order
        key = (int(kind), tuple(order.tolist()))
        known.setdefault(key, reordered(site, order))
        sites.append(known[key])
        env = np.concatenate([env[:1], there[order], env[1 + n :]])
        padding = np.tile([0, 0, 0, b], (graph.n_env - len(env), 1))
        envs.append(np.concatenate([env, padding]))
    return Placement(kinds, tuple(sites), np.array(envs, dtype=np.int64), orders)


def _frame(network: JumpNetwork, lattice: Lattice) -> tuple[Integers, Integers]:
    """How the crystal lies on the lattice.

    Returns:
        (3, 3) integers T: the cell vectors of the crystal are those of T @ conventional on the lattice; and for each
        site of the lattice's unit cell the site of the crystal's basis that it is.

    Raises:
        ValueError: one line; it does not.
    """
    name = network.prototype
    cell, basis = np.array(network.cell), np.array(network.basis)
    sites = sites_in(lattice.cell, lattice.basis, lattice.conventional)
    if (lattice.prototype, lattice.pbc, len(sites)) != (name, network.pbc, len(basis)):
        raise ValueError(
            f"its lattice is {lattice.prototype}, with {len(sites)} sites in the conventional cell; that of the model "
            f"is {name}, with {len(basis)}"
        )
    axes = np.array(network.pbc)
    own = lattice.basis @ lattice.cell @ np.linalg.inv(lattice.conventional)
    nearest = 1e9
    for turn in _turns(network, lattice):
        strain = distortion(turn @ lattice.ideal, cell, axes)
        nearest = min(nearest, strain)
        if strain > SHELL_TOLERANCE and name not in _FREE_SHAPE:
            continue
        inverse = np.linalg.inv(turn)
        here, all_here = own @ inverse, sites @ inverse
        for origin in basis:
            shift = origin - here[0]
            gap = (all_here + shift)[:, None] - basis
            if np.linalg.norm((gap - np.rint(gap)) @ cell, axis=2).min(axis=1).max() > _SHIFTED:
                continue
            gap = (here + shift)[:, None] - basis
            to = np.linalg.norm((gap - np.rint(gap)) @ cell, axis=2).argmin(axis=1)
            return turn, to.astype(np.int64)
    if nearest > SHELL_TOLERANCE and name not in _FREE_SHAPE:
        raise ValueError(f"its ideal cell is distorted by {nearest:.1%} from that of the model")
    raise ValueError(f"its sites are not those of the {name} crystal of the model")


def _turns(network: JumpNetwork, lattice: Lattice) -> Integers:
    """(m, 3, 3) integers: axes that the conventional vectors of the lattice may stand for, the identity first.

    Symmetries of the shape of both cells: the two are conventional cells of one kind of lattice, so they differ by no
    more than that.
    """
    entries = np.array(list(itertools.product((0, 1, -1), repeat=9))).reshape(-1, 3, 3)
    entries = entries[np.abs(np.rint(np.linalg.det(entries))) == 1]
    for cell in (np.array(network.cell), lattice.ideal):
        metric = cell @ cell.T
        changed = entries @ metric @ entries.transpose(0, 2, 1) - metric
        entries = entries[np.abs(changed).max(axis=(1, 2)) < _SAME_SHAPE * metric.max()]
    order = np.argsort(-np.trace(entries, axis1=1, axis2=2), kind="stable")
    return entries[order].astype(np.int64)
