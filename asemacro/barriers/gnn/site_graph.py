"""The tables of the surroundings of a vacancy: which sites each of their nodes takes messages from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asemacro.barriers.gnn.crystal import JumpNetwork
from asemacro.barriers.gnn.orbits import NeighbourClasses, Site, as_sites
from asemacro.typing import Integers


@dataclass(frozen=True)
class SiteGraph:
    """Tables of the environment of a vacancy on the first site of a kind.

    Attributes:
        origin: that site, of the basis of the crystal.
        sites: (n_env, 4) sites of the environment; row 0 the vacancy, then the targets, then the vacancy again as often
            as sites of another kind have more jumps.
        n_nodes: sites with features after round 2 (the readout sites): the first `n_nodes` rows.
        n_round1: sites with features after round 1: the first `n_round1` rows.
        node_kind: (n_round1,) kind of each.
        links: rows of the neighbours of each node of round 1, class by class.
        link_start: (n_round1 * n_messages + 1,) where those of each node and message class start in `links`.
        jump_type: (Z,) type of each jump.
        bonds: for each jump the rows of the sites of the type's template.
        pairs: rows of the pair neighbours of the vacancy, then of each target, class by class.
        pair_start: ((1 + Z) * n_pairs + 1,) where those of each centre and pair class start in `pairs`.
        far: rows of the pair neighbours of the vacancy at the largest distance.
    """

    origin: int
    sites: Integers
    n_nodes: int
    n_round1: int
    node_kind: Integers
    links: Integers
    link_start: Integers
    jump_type: Integers
    bonds: tuple[Integers, ...]
    pairs: Integers
    pair_start: Integers
    far: Integers

    @property
    def padding(self) -> Integers:
        """Rows that stand for jumps that this site does not have."""
        return 1 + np.flatnonzero((self.sites[1:] == self.sites[0]).all(axis=1))

    @property
    def own_pair(self) -> Integers:
        """(Z,) pair class in which the vacancy has each target."""
        row = [np.flatnonzero(self.pairs == 1 + j)[0] for j in range(self.n_jumps)]
        return np.searchsorted(self.pair_start, row, "right") - 1

    @property
    def n_env(self) -> int:
        return len(self.sites)

    @property
    def n_jumps(self) -> int:
        return len(self.jump_type)


def tables_of(
    messages: NeighbourClasses,
    pairs: NeighbourClasses,
    network: JumpNetwork,
    origin: int,
    order: Integers,
    sizes: tuple[int, int],
    jump_type: Integers,
    bonds: tuple[Integers, ...],
) -> SiteGraph:
    """The tables of an environment.

    Args:
        messages: classes of the neighbours that messages come from.
        pairs: classes of the neighbours with pair energies.
        network: the crystal and its jumps.
        origin: site of the vacancy.
        order: (n_env, 4) sites, as in `SiteGraph.sites`.
        sizes: n_nodes and n_round1.
        jump_type: (Z,) type of each jump.
        bonds: for each jump the rows of the sites of the type's template.
    """
    row = row_of(order)
    n_nodes, n_round1 = sizes
    links, link_start = _rows(row, messages, order[:n_round1])
    around, pair_start = _rows(row, pairs, order[: 1 + len(jump_type)])
    return SiteGraph(
        origin=origin,
        sites=order,
        n_nodes=n_nodes,
        n_round1=n_round1,
        node_kind=network.kinds[order[:n_round1, 3]],
        links=links,
        link_start=link_start,
        jump_type=jump_type,
        bonds=bonds,
        pairs=around,
        pair_start=pair_start,
        far=around[: len(pairs.of[origin])][pairs.last_shell[origin]],
    )


def rows_for(network: JumpNetwork, sites: Integers, target: Integers, origin: int, row: dict[Site, int]) -> Integers:
    """Rows of the sites around a jump, given those around a jump of its type.

    Args:
        network: the crystal and its jumps.
        sites: (n, 4) around that jump, whose target is the second.
        target: (4,) of the jump.
        origin: site of the vacancy.
        row: the row of each site.
    """
    keep = list(network.between(origin, origin))
    moved = network.moved(_taking(network, keep, sites[1], target, origin), sites, origin)
    return np.array([row[s] for s in as_sites(moved)], dtype=np.int64)


def row_of(order: Integers) -> dict[Site, int]:
    """The first row of each site."""
    row: dict[Site, int] = {}
    for i, place in enumerate(as_sites(order)):
        row.setdefault(place, i)
    return row


def steps(classes: NeighbourClasses, centres: set[Site]) -> set[Site]:
    """All neighbours of some sites."""
    around = [as_sites(rows) for rows in classes.around]
    return {(a + p, b + q, c + r, t) for a, b, c, s in centres for p, q, r, t in around[s]}


def extended(network: JumpNetwork, origin: int, order: list[Site], sites: set[Site]) -> list[Site]:
    """Sites in order, then those of `sites` that are new, by their distance from `origin`."""
    new = np.array(sorted(sites - set(order)), dtype=np.int64).reshape(-1, 4)
    return order + as_sites(network.ordered(new, origin))


def _rows(row: dict[Site, int], classes: NeighbourClasses, centres: Integers) -> tuple[Integers, Integers]:
    """Rows of the neighbours of some sites, class by class, and where those of each site and class start."""
    around = [as_sites(rows) for rows in classes.around]
    counts = [np.bincount(of, minlength=classes.number) for of in classes.of]
    found = [row[a + p, b + q, c + r, t] for a, b, c, s in as_sites(centres) for p, q, r, t in around[s]]
    start = np.cumsum([0, *np.concatenate([counts[s] for s in centres[:, 3]])])
    return np.array(found, dtype=np.int64), start.astype(np.int64)


def _taking(network: JumpNetwork, operations: list[int], site: Integers, to: Integers, origin: int) -> int:
    """The first of the operations, which keep `origin`, that takes a site to another."""
    return next(k for k in operations if np.array_equal(network.moved(k, site[None], origin)[0], to))


def lists_of(rows: Integers, start: Integers, centres: Integers, per_centre: int) -> tuple[Integers, Integers]:
    """The lists of some centres one after another, and where each starts; of each centre there are `per_centre`."""
    lists = [
        rows[start[i * per_centre + q] : start[i * per_centre + q + 1]] for i in centres for q in range(per_centre)
    ]
    return np.concatenate(lists), np.cumsum([0, *(len(part) for part in lists)])


def reordered(site: SiteGraph, order: Integers) -> SiteGraph:
    """The graph with its jumps in another order: jump k is what jump order[k] was."""
    if np.array_equal(order, np.arange(site.n_jumps)):
        return site
    old = np.arange(site.n_env)  # which row each row was
    old[1 : 1 + site.n_jumps] = 1 + order
    new = np.argsort(old)

    def moved(rows: Integers, start: Integers, per_centre: int) -> tuple[Integers, Integers]:
        found, ends = lists_of(rows, start, old[: (len(start) - 1) // per_centre], per_centre)
        return new[found], ends

    links, link_start = moved(site.links, site.link_start, (len(site.link_start) - 1) // site.n_round1)
    pairs, pair_start = moved(site.pairs, site.pair_start, (len(site.pair_start) - 1) // (1 + site.n_jumps))
    return SiteGraph(
        origin=site.origin,
        sites=site.sites[old],
        n_nodes=site.n_nodes,
        n_round1=site.n_round1,
        node_kind=site.node_kind[old[: site.n_round1]],
        links=links,
        link_start=link_start,
        jump_type=site.jump_type[order],
        bonds=tuple(new[site.bonds[k]] for k in order),
        pairs=pairs,
        pair_start=pair_start,
        far=new[site.far],
    )
