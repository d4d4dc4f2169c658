"""The graph around a vacancy: which sites a barrier depends on, and through which edges.

A barrier of the jump v -> j reads node features on the sites within `REACH` of v or j. These come from two rounds of
message passing over the neighbours within `REACH`, so that the environment is the set of all sites within three steps.
All sums run over classes of sites that the symmetry of the crystal maps onto each other: neighbours of a site by the
site's own symmetry, sites around a jump by the operations that keep both its ends. What is computed from such sums is
invariant under the space group, whatever the weights. In bcc these are the classes of equal distances.

There is one graph for each kind of site (that no symmetry maps onto another) and one set of classes for each type of
jump: basal and pyramidal jumps of hcp are two types. Sites are ordered so that the sets needed by each round are
prefixes of one another:

    [vacancy, the targets, rest of the readout sites | sites of round 1 | all sites]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from asemacro.barriers.gnn.crystal import MOST_JUMP_REACH, JumpNetwork
from asemacro.barriers.gnn.orbits import NeighbourClasses, Site, as_sites, images_of, neighbour_classes, orbits
from asemacro.typing import Floats, Integers

REACH = 1.64
"""Of messages and of the readout, in shortest distances: three shells of bcc and of hcp, two of fcc."""
PAIR_REACH = MOST_JUMP_REACH
"""Of pair energies: eight shells of bcc."""
MOST_JUMPS = 500
"""Of all kinds of sites together."""


@dataclass(frozen=True)
class JumpType:
    """Sites around one of the jumps that symmetry maps onto each other, and their classes.

    Attributes:
        kind: kind of the site that the vacancy is on.
        template: (2 + n, 4) the vacancy, the target, then the sites around, class by class.
        class_start: (n_classes + 1,) where each class starts in the sites around.
        distances: (n_classes, 2) from the vacancy and from the target.
        links: for each message class and each site of the template, which others are its neighbours in it.
        near_v: (2 + n,) message class that the vacancy has as a neighbour of each site, n_messages + kind for itself,
            -1 if it is not near.
        near_j: the same for the target.
        reverse: the type of the jump back.
        reverse_class: (n_classes,) class of the type `reverse` that each class is in the jump back.
    """

    kind: int
    template: Integers
    class_start: Integers
    distances: Floats
    links: tuple[tuple[Integers, ...], ...]
    near_v: Integers
    near_j: Integers
    reverse: int
    reverse_class: Integers

    @property
    def n_classes(self) -> int:
        return len(self.class_start) - 1


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
    def n_env(self) -> int:
        return len(self.sites)

    @property
    def n_jumps(self) -> int:
        return len(self.jump_type)


@dataclass(frozen=True)
class Graph:
    """All that a network needs to know of a crystal.

    Attributes:
        network: the crystal and its jumps.
        messages: classes of the neighbours that messages come from.
        pairs: classes of the neighbours with pair energies.
        types: types of jumps.
        sites: graph of a vacancy on the first site of each kind.
    """

    network: JumpNetwork
    messages: NeighbourClasses
    pairs: NeighbourClasses
    types: tuple[JumpType, ...]
    sites: tuple[SiteGraph, ...]

    @property
    def n_kinds(self) -> int:
        """Kinds of sites."""
        return len(self.sites)

    @property
    def n_messages(self) -> int:
        """Classes of message neighbours."""
        return self.messages.number

    @property
    def n_env(self) -> int:
        """Sites of the largest environment."""
        return max(site.n_env for site in self.sites)

    @property
    def n_jumps(self) -> int:
        """Jumps of the kind of site that has most."""
        return max(site.n_jumps for site in self.sites)

    @property
    def read_start(self) -> Integers:
        """(n_types + 1,) where each type starts among the readout's inputs: vacancy, target and classes of each."""
        return np.cumsum([0, *(2 + t.n_classes for t in self.types)])


@lru_cache(maxsize=8)
def graph_of(network: JumpNetwork) -> Graph:
    """The tables (made once; a second at most for the named lattices)."""
    number = sum(len(network.jumps(origin)) for origin in network.firsts)
    if number > MOST_JUMPS:
        raise ValueError(
            f"the {network.prototype} crystal has {len(network.firsts)} kinds of sites with {number} jumps in all; "
            f"graph networks know at most {MOST_JUMPS}"
        )
    messages, pairs = neighbour_classes(network, REACH), neighbour_classes(network, PAIR_REACH)
    types: list[JumpType] = []
    sites = []
    most = max(len(network.jumps(origin)) for origin in network.firsts)
    for kind, origin in enumerate(network.firsts):
        order, n_nodes, n_round1 = _environment(network, messages, pairs, origin, most)
        targets = network.jumps(origin)
        padding = np.arange(1 + len(targets), 1 + most)
        keep = list(network.between(origin, origin))
        of_jump = orbits(images_of(network, keep, targets, origin)) + len(types)
        row: dict[Site, int] = {}
        for i, place in enumerate(as_sites(order)):
            row.setdefault(place, i)
        bonds: list[Integers] = [np.zeros(0, dtype=np.int64)] * len(targets)
        for first in np.unique(of_jump, return_index=True)[1]:
            found = _jump_type(network, messages, kind, np.delete(order[:n_nodes], padding, axis=0), targets[first])
            for k in np.flatnonzero(of_jump == of_jump[first]):
                operation = _taking(network, keep, targets[first], targets[k], origin)
                moved = network.moved(operation, found.template, origin)
                bonds[k] = np.array([row[s] for s in as_sites(moved)], dtype=np.int64)
            types.append(found)
        links, link_start = _rows(row, messages, order[:n_round1])
        around, pair_start = _rows(row, pairs, order[: 1 + len(targets)])
        sites.append(
            SiteGraph(
                origin=origin,
                sites=order,
                n_nodes=n_nodes,
                n_round1=n_round1,
                node_kind=network.kinds[order[:n_round1, 3]],
                links=links,
                link_start=link_start,
                jump_type=of_jump,
                bonds=tuple(bonds),
                pairs=around,
                pair_start=pair_start,
                far=around[: len(pairs.of[origin])][pairs.last_shell[origin]],
            )
        )
    both_ways = tuple(_with_reverse(network, types, t) for t in types)
    return Graph(network, messages, pairs, both_ways, tuple(sites))


def _steps(classes: NeighbourClasses, centres: set[Site]) -> set[Site]:
    """All neighbours of some sites."""
    around = [as_sites(rows) for rows in classes.around]
    return {(a + p, b + q, c + r, t) for a, b, c, s in centres for p, q, r, t in around[s]}


def _environment(
    network: JumpNetwork, messages: NeighbourClasses, pairs: NeighbourClasses, origin: int, most: int
) -> tuple[Integers, int, int]:
    """Sites around a vacancy in the order of `SiteGraph.sites`, and the lengths of its first two parts."""
    order: list[Site] = [(0, 0, 0, origin), *as_sites(network.jumps(origin))]
    order += [order[0]] * (1 + most - len(order))
    ends, known = set(order), set(order)

    def extend(sites: set[Site]) -> int:
        new = np.array(sorted(sites - known), dtype=np.int64).reshape(-1, 4)
        order.extend(as_sites(network.ordered(new, origin)))
        known.update(sites)
        return len(order)

    n_nodes = extend(_steps(messages, ends))
    n_round1 = extend(_steps(messages, known) | _steps(pairs, ends))
    extend(_steps(messages, known))
    return np.array(order, dtype=np.int64), n_nodes, n_round1


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


def _jump_type(
    network: JumpNetwork, messages: NeighbourClasses, kind: int, nodes: Integers, target: Integers
) -> JumpType:
    """The type of the jump to `target`; its reverse is filled in by `_with_reverse`."""
    origin = network.firsts[kind]
    keep = [
        k for k in network.between(origin, origin) if np.array_equal(network.moved(k, target[None], origin)[0], target)
    ]
    from_v = network.distances(nodes, origin)
    from_j = network.distances(nodes - [*target[:3], 0], int(target[3]))
    near = (np.minimum(from_v, from_j) < REACH + 1e-5) & (np.minimum(from_v, from_j) > 1e-5)
    around, apart = nodes[near], np.round(np.column_stack([from_v, from_j])[near], 4)
    found = orbits(images_of(network, keep, around, origin))
    first = np.unique(found, return_index=True)[1]
    order = np.lexsort((first, apart[first, 1], apart[first, 0]))
    members = [np.flatnonzero(found == c) for c in order]
    template = np.concatenate([[[0, 0, 0, origin], target], *(around[m] for m in members)]).astype(np.int64)
    sites = as_sites(template)
    classes = [messages.class_of(s) for s in range(len(network.basis))]
    seen = np.array([[_seen(classes, p, q) for q in sites] for p in sites])  # which neighbour q is of p
    near_v, near_j = seen[:, 0].copy(), seen[:, 1].copy()
    near_v[0] = messages.number + kind
    near_j[1] = messages.number + network.kinds[target[3]]
    links = tuple(tuple(np.flatnonzero(row == c) for row in seen) for c in range(messages.number))
    return JumpType(
        kind=kind,
        template=template,
        class_start=np.cumsum([0, *(len(m) for m in members)]),
        distances=apart[first[order]],
        links=links,
        near_v=near_v,
        near_j=near_j,
        reverse=-1,
        reverse_class=np.zeros(0, dtype=np.int64),
    )


def _seen(classes: list[dict[Site, int]], centre: Site, other: Site) -> int:
    a, b, c, s = centre
    return classes[s].get((other[0] - a, other[1] - b, other[2] - c, other[3]), -1)


def _with_reverse(network: JumpNetwork, types: list[JumpType], jump: JumpType) -> JumpType:
    """The type with that of the jump back, from the target to the vacancy."""
    origin, target = network.firsts[jump.kind], jump.template[1]
    place = int(target[3])
    first = network.firsts[network.kinds[place]]
    moved = network.moved(network.between(place, first)[0], jump.template - [*target[:3], 0], place)
    keep = list(network.between(first, first))
    for number, other in enumerate(types):
        if other.kind != network.kinds[place]:
            continue
        images = [network.moved(k, moved, first) for k in keep]
        onto = [image for image in images if np.array_equal(image[0], other.template[1])]
        if onto:
            ends = np.repeat(np.arange(other.n_classes), np.diff(other.class_start))
            of = dict(zip(as_sites(other.template[2:]), ends.tolist(), strict=True))
            firsts = onto[0][2 + jump.class_start[:-1]]
            reverse_class = np.array([of[s] for s in as_sites(firsts)], dtype=np.int64)
            return JumpType(**{**jump.__dict__, "reverse": number, "reverse_class": reverse_class})
    raise ValueError(f"the jump from site {origin} of the {network.prototype} crystal to site {place} has no way back")


def reordered(site: SiteGraph, order: Integers) -> SiteGraph:
    """The graph with its jumps in another order: jump k is what jump order[k] was."""
    if np.array_equal(order, np.arange(site.n_jumps)):
        return site
    old = np.arange(site.n_env)  # which row each row was
    old[1 : 1 + site.n_jumps] = 1 + order
    new = np.argsort(old)

    def moved(rows: Integers, start: Integers, per_centre: int) -> tuple[Integers, Integers]:
        n = (len(start) - 1) // per_centre
        lists = [
            rows[start[i * per_centre + q] : start[i * per_centre + q + 1]] for i in old[:n] for q in range(per_centre)
        ]
        return new[np.concatenate(lists)], np.cumsum([0, *(len(part) for part in lists)])

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
