"""The flat tables and the scratch memory of the numba evaluators of the graph networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asemacro.barriers.blocks import EIGHT, SIXTEEN
from asemacro.barriers.gnn import direct_kernel as k
from asemacro.barriers.gnn import energy as e
from asemacro.barriers.gnn.graph import Graph, JumpType
from asemacro.barriers.gnn.lines import lines_of
from asemacro.barriers.gnn.placement import Placement
from asemacro.barriers.gnn.site_graph import SiteGraph, lists_of
from asemacro.barriers.gnn.turned import turned, turned_starts
from asemacro.typing import Integers


def integer_tables(graph: Graph, sites: Sequence[SiteGraph], n_species: int, settings: Mapping[str, int]) -> Integers:
    """[S + 1, where the tables of each site of the unit cell start], then the tables (see `direct_kernel`).

    Args:
        graph: of the crystal.
        sites: graph of a vacancy on each site of the unit cell; the same object for sites that share it.
        n_species: S + 1.
        settings: members, width, hidden and, for the consistent form, energy_width of one member.
    """
    parts: list[Integers] = []
    starts: dict[int, int] = {}
    at = 1 + len(sites)
    for site in sites:
        if id(site) not in starts:
            starts[id(site)] = at
            parts.append(_site_tables(graph, site, n_species, settings))
            at += len(parts[-1])
    return np.concatenate([[n_species, *(starts[id(site)] for site in sites)], *parts]).astype(np.int64)


def _site_tables(graph: Graph, site: SiteGraph, n_species: int, settings: Mapping[str, int]) -> Integers:
    """Header and tables of a vacancy on one site."""
    types = np.unique(site.jump_type)
    jumps = [np.flatnonzero(site.jump_type == t) for t in types]
    here = [graph.types[t] for t in types]
    header = np.zeros(k.HEADER, dtype=np.int64)
    both_ways, starts = "energy_width" in settings, turned_starts(graph)  # the consistent form
    header[k.SPECIES] = n_species
    header[k.MEMBERS], width, hidden = (settings[key] for key in ("members", "width", "hidden"))
    header[k.WIDTH], header[k.HIDDEN] = k.room(width), k.room(hidden)
    header[k.ENERGY_WIDTH] = k.room(settings["members"] * settings.get("energy_width", 0))
    header[k.N_ROUND1], header[k.N_NODES], header[k.N_JUMPS] = site.n_round1, site.n_nodes, site.n_jumps
    header[k.N_MESSAGES], header[k.N_KINDS], header[k.N_PAIRS] = graph.n_messages, graph.n_kinds, graph.pairs.number
    header[k.N_TYPES], header[k.N_READ] = len(types), starts[-1] if both_ways else graph.read_start[-1]
    header[k.MOST_READ] = max(len(j) * (2 + t.n_classes) for j, t in zip(jumps, here, strict=True))
    header[k.MOST_ROWS] = max(len(j) for j in jumps)
    header[k.MOST_BOND] = max(len(t.template) for t in here)
    header[k.N_BOND_ROWS] = sum(len(j) * len(t.template) for j, t in zip(jumps, here, strict=True))
    tables: list[Integers] = []
    at = k.HEADER

    def put(table: Integers) -> int:
        nonlocal at
        tables.append(np.asarray(table).reshape(-1))
        at += len(tables[-1])
        return at - len(tables[-1])

    ends = site.link_start[: site.n_nodes * graph.n_messages + 1]
    header[k.AT_LINKS], header[k.AT_LINK_START] = put(site.links[: ends[-1]]), put(ends)
    lines = lines_of(site.sites, site.n_round1)
    header[k.N_SITES], header[k.N_PLACES], header[k.N_FIRSTS] = site.n_env, lines.number, len(lines.firsts)
    header[k.AT_PLACE], header[k.AT_OF_NODE] = put(lines.places), put(_of_classes(lines.of_node, graph.n_messages))
    rows, starts_of = lists_of(site.links, site.link_start, lines.firsts, graph.n_messages)
    header[k.AT_FIRST_LINKS], header[k.AT_FIRST_START] = put(lines.places[rows]), put(starts_of)
    header[k.AT_KIND] = put(site.node_kind)
    header[k.AT_JUMP] = put(np.concatenate(jumps))
    header[k.AT_BOND] = put(np.concatenate([site.bonds[j] for rows in jumps for j in rows]))
    header[k.AT_PAIRS], header[k.AT_PAIR_START] = put(lines.places[site.pairs]), put(site.pair_start)
    header[k.AT_OWN_PAIR] = put(site.own_pair)
    records = []
    row = bond_row = 0
    for t, rows, jump in zip(types, jumps, here, strict=True):
        record = np.zeros(k.TYPE_SIZE, dtype=np.int64)
        record[k.T_BOND], record[k.T_CLASSES] = len(jump.template), jump.n_classes
        record[k.T_READ], record[k.T_ODD] = starts[2 * t : 2 * t + 2] if both_ways else (graph.read_start[t], 0)
        inputs, record[k.T_N_ODD] = turned(graph, t)
        record[k.T_N_EVEN], record[k.T_AT_TURNED] = len(inputs), put(inputs)
        record[k.T_FIRST], record[k.T_ROWS], record[k.T_FIRST_BOND] = row, len(rows), bond_row
        record[k.T_AT_CLASS] = put(jump.class_start)
        record[k.T_AT_NEAR_V], record[k.T_AT_NEAR_J] = put(jump.near_v), put(jump.near_j)
        record[k.T_AT_LINKS], record[k.T_AT_LINK_START] = (put(part) for part in _flat_links(jump))
        row, bond_row = row + len(rows), bond_row + len(rows) * len(jump.template)
        records.append(record)
    header[k.AT_TYPES] = put(np.concatenate(records))
    return np.concatenate([header, *tables]).astype(np.int64)


def _flat_links(jump: JumpType) -> tuple[Integers, Integers]:
    """Neighbours among the sites around a jump, message class by class and site by site, and where each list starts."""
    lists = [near for links in jump.links for near in links]
    return np.concatenate(lists).astype(np.int64), np.cumsum([0, *(len(near) for near in lists)])


def _of_classes(of_node: Integers, n_messages: int) -> Integers:
    """Where the count of the first message class of each node stands if those of the others are eight numbers apart."""
    return of_node // EIGHT * EIGHT * n_messages + of_node % EIGHT


def workspace(integers: Integers, n_basis: int, form: str) -> int:
    """Number of float32 words that one evaluation needs, whatever the site."""
    return max(_workspace(integers[at:], form) for at in np.unique(integers[1 : 1 + n_basis]))


def _workspace(tables: Integers, form: str) -> int:
    n1, n2, width, hidden = (int(tables[key]) for key in (k.N_ROUND1, k.N_NODES, k.WIDTH, k.HIDDEN))
    n_features = int(k.n_counts(tables))
    rows, inputs = int(tables[k.MOST_ROWS]), int(tables[k.MOST_READ])
    counts = SIXTEEN + k.room(n1 * n_features + EIGHT)  # from a line of the cache on
    if form == "direct":
        return counts + n1 * width + n2 * (int(tables[k.N_MESSAGES]) + 1) * width + inputs * width + rows * hidden
    energy_width, bonds = int(tables[k.ENERGY_WIDTH]), int(tables[k.N_BOND_ROWS])
    exact = k.room(n2 * n_features) + n2 * energy_width + k.room(2 * n2)
    all_widths, n_messages = int(tables[k.MEMBERS]) * width, int(tables[k.N_MESSAGES])
    features = (2 * n1 + n2 * n_messages + bonds) * all_widths
    second = int(tables[k.MOST_BOND]) * (n_messages + 2) * all_widths
    # the sums of the classes, at most as many even and odd inputs, and a block that is written and not read
    readout = 3 * inputs * width + SIXTEEN + 2 * rows * hidden
    return counts + max(exact, features + max(second, readout))


def energy_tables(
    graph: Graph, placed: Placement, n_species: int, settings: Mapping[str, int]
) -> tuple[Integers, Integers]:
    """What the kernels of the lattice energy read: `integers` (see `energy`), and the offsets (n_basis, n, 4).

    The message neighbours of each site of the unit cell, class by class, then the pair neighbours; rows that are left
    over lead to the site itself and are not read.
    """
    n_messages, n_pairs, n_basis = graph.n_messages, graph.pairs.number, len(placed.env)
    near = [site.links[: site.link_start[n_messages]] for site in placed.sites]
    paired = [site.pairs[: site.pair_start[n_pairs]] for site in placed.sites]
    columns = max(map(len, near))
    offsets = np.zeros((n_basis, columns + max(map(len, paired)), 4), dtype=np.int64)
    offsets[..., 3] = np.arange(n_basis)[:, None]
    for own, env, rows, more in zip(offsets, placed.env, near, paired, strict=True):
        own[: len(rows)] = env[rows]
        own[columns : columns + len(more)] = env[more]
    header = np.zeros(e.HEADER, dtype=np.int64)
    header[e.SPECIES], header[e.WIDTH] = n_species, settings["members"] * settings["energy_width"]
    header[e.N_MESSAGES], header[e.N_KINDS], header[e.N_PAIRS] = n_messages, graph.n_kinds, n_pairs
    header[e.N_COLUMNS] = columns
    tables = [
        placed.kinds,
        np.concatenate([site.link_start[: n_messages + 1] for site in placed.sites]),
        np.concatenate([site.pair_start[: n_pairs + 1] for site in placed.sites]),
        graph.messages.reverse,
    ]
    starts = e.HEADER + np.cumsum([0, *map(len, tables[:-1])])
    header[[e.AT_KIND, e.AT_MESSAGES, e.AT_PAIRS, e.AT_REVERSE]] = starts
    return np.concatenate([header, *tables]).astype(np.int64), offsets
