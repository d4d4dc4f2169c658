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
from asemacro.barriers.gnn.site_graph import SiteGraph, extended, row_of, rows_for, steps, tables_of
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
        row = row_of(order)
        bonds: list[Integers] = [np.zeros(0, dtype=np.int64)] * len(targets)
        for first in np.unique(of_jump, return_index=True)[1]:
            found = _jump_type(network, messages, kind, np.delete(order[:n_nodes], padding, axis=0), targets[first])
            for k in np.flatnonzero(of_jump == of_jump[first]):
                bonds[k] = rows_for(network, found.template, targets[k], origin, row)
            types.append(found)
        sites.append(tables_of(messages, pairs, network, origin, order, (n_nodes, n_round1), of_jump, tuple(bonds)))
    both_ways = tuple(_with_reverse(network, types, t) for t in types)
    return Graph(network, messages, pairs, both_ways, tuple(sites))


def _environment(
    network: JumpNetwork, messages: NeighbourClasses, pairs: NeighbourClasses, origin: int, most: int
) -> tuple[Integers, int, int]:
    """Sites around a vacancy in the order of `SiteGraph.sites`, and the lengths of its first two parts."""
    order: list[Site] = [(0, 0, 0, origin), *as_sites(network.jumps(origin))]
    order += [order[0]] * (1 + most - len(order))
    ends = set(order)
    order = extended(network, origin, order, steps(messages, ends))
    n_nodes = len(order)
    order = extended(network, origin, order, steps(messages, set(order)) | steps(pairs, ends))
    n_round1 = len(order)
    order = extended(network, origin, order, steps(messages, set(order)))
    return np.array(order, dtype=np.int64), n_nodes, n_round1


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
