"""Cluster expansions as sums over clusters of sites, read from an icet `ClusterExpansion` and laid onto a lattice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase.data import chemical_symbols

from asemacro.arguments.checks import shown
from asemacro.arguments.door import members_of
from asemacro.files.reading import plain
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.shells import offsets_from
from asemacro.typing import Floats, Integers

VACANCY = "X"
MOST_ENTRIES = 10**7  # of all tables together
_OFF = 0.2  # in distances of neighbours: how far a site may lie from where the crystal of the expansion has it
_NEEDED = ("primitive_structure", "parameters", "get_cluster_space_copy")


@dataclasses.dataclass(frozen=True, eq=False)
class Cluster:
    """Some sites of a crystal whose species have an energy together; each cell of the crystal has this cluster.

    Attributes:
        sites: (n, 4) cell and place in the unit cell of the crystal.
        energy: (S + 1,) * n eV by the species on the sites, 0 = vacancy.
    """

    sites: Integers
    energy: Floats


@dataclasses.dataclass(frozen=True, eq=False)
class Clusters:
    """A lattice energy, E = sum of the energies of all clusters + constant x number of sites.

    Attributes:
        crystal: one unit cell.
        species: chemical symbols beside the vacancy.
        clusters: one of each kind that translations do not lead to.
        constant: eV per site.
    """

    crystal: Lattice
    species: tuple[str, ...]
    clusters: tuple[Cluster, ...]
    constant: float


def clusters_of(expansion: Any) -> Clusters:
    """What an icet `ClusterExpansion` says, whose property is an energy in eV per site, as mchammer takes it.

    Read by `primitive_structure`, `parameters` and `get_cluster_space_copy()`, and of the cluster space
    `chemical_symbols`, `species_maps`, `evaluate_cluster_function` and `orbit_list` (orbits with their clusters and
    cluster vector elements), as icet 4.0 has them.

    Raises:
        TypeError: no cluster expansion.
        ValueError: one line; it has no vacancy among its species, sites of different species, or comes from a version
            of icet that has none of this.
    """
    if isinstance(expansion, type) or len(members_of(expansion, *_NEEDED)) < len(_NEEDED):
        raise TypeError(f"expansion must be a ClusterExpansion of icet, got {shown(expansion)}")
    try:
        return _read(expansion)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"this version of icet keeps cluster expansions in another way ({plain(error)}); 4.0 is known"
        ) from None


def _read(expansion: Any) -> Clusters:
    space = expansion.get_cluster_space_copy()
    symbols = list(space.chemical_symbols[0])
    if any(set(others) != set(symbols) for others in space.chemical_symbols):
        raise ValueError("the cluster expansion has sites of different species: vacancies are then not on one lattice")
    if VACANCY not in symbols:
        raise ValueError(
            f"the cluster expansion of {', '.join(symbols)} has no vacancy: add 'X' to the chemical symbols of its "
            "cluster space and fit it to structures with vacancies too"
        )
    species = tuple(symbol for symbol in symbols if symbol != VACANCY)
    atoms = expansion.primitive_structure.copy()
    atoms.symbols = species[0]
    crystal, size = Lattice.from_atoms(atoms), len(symbols)
    if crystal.n_sites != len(atoms):
        raise ValueError(
            f"the primitive structure of {len(atoms)} atoms is read as a lattice of {crystal.n_sites} sites"
        )
    parameters = [float(p) for p in expansion.parameters]
    # (S + 1, S) value of each point function for each species, vacancy first, by the numbers that icet gives species
    numbers = {chemical_symbols[number]: k for number, k in space.species_maps[0].items()}
    values = np.array(
        [
            [space.evaluate_cluster_function(size, function, numbers[symbol]) for function in range(size - 1)]
            for symbol in (VACANCY, *species)
        ]
    )
    clusters: list[Cluster] = []
    at, entries = 1, 0
    for orbit in space.orbit_list.orbits:
        elements = orbit.cluster_vector_elements
        own, at = parameters[at : at + len(elements)], at + len(elements)
        entries += size**orbit.order
        if entries > MOST_ENTRIES:
            raise ValueError(f"the cluster expansion has tables of more than {MOST_ENTRIES:.0e} energies")
        energy = np.zeros((size,) * orbit.order)
        for element, parameter in zip(elements, own, strict=True):
            # the property is per site, and the cluster vector holds means over the clusters of a cell
            weight = parameter * len(atoms) / element["multiplicity"]
            for order in element["site_permutations"]:
                energy += weight * _product([values[:, element["multicomponent_vector"][k]] for k in order])
        rows = [[[*map(int, s.unitcell_offset), int(s.index)] for s in c.lattice_sites] for c in orbit.clusters]
        clusters += [Cluster(np.array(sites, dtype=np.int64), energy) for sites in rows]
    return Clusters(crystal, species, tuple(clusters), parameters[0])


def _product(factors: Sequence[Floats]) -> Floats:
    """Outer product of vectors."""
    total = np.ones(())
    for factor in factors:
        total = np.multiply.outer(total, factor)
    return total


@dataclasses.dataclass(frozen=True, eq=False)
class Placed:
    """A cluster on a lattice, as one of its sites sees it.

    Attributes:
        cluster: its number.
        offsets: (n, 4) of all its sites from that one.
        images: the same, each on its site of the periodic cell.
    """

    cluster: int
    offsets: tuple[tuple[int, ...], ...]
    images: tuple[tuple[int, ...], ...]


def clusters_around(clusters: Clusters, lattice: Lattice) -> list[list[Placed]]:
    """For each site of the unit cell of a lattice all clusters that the site is in, each once, as the cell wraps.

    Raises:
        ValueError: one line; the lattice is not the crystal of the expansion.
    """
    crystal = clusters.crystal
    if lattice.prototype != crystal.prototype:
        raise ValueError(f"it is for {crystal.prototype} lattices, the structure is {lattice.prototype}")
    turn = np.linalg.inv(crystal.conventional) @ lattice.conventional
    reasons = []
    for first in range(crystal.n_basis):
        try:
            return _around(clusters, lattice, turn, first)
        except ValueError as error:  # another site of the crystal may fit on the first site of the lattice
            reasons.append(str(error))
    raise ValueError(reasons[0])


def _around(clusters: Clusters, lattice: Lattice, turn: Floats, first: int) -> list[list[Placed]]:
    """The same, if the first site of the lattice is the site `first` of the crystal."""
    crystal, shape = clusters.crystal, np.asarray(lattice.shape)
    reach = _OFF * lattice.shells(1)[0].distance
    back = (lattice.basis - lattice.basis[0]) @ lattice.cell @ np.linalg.inv(turn) @ np.linalg.inv(crystal.cell)
    kinds = offsets_from(crystal, first, back, reach)[:, 3]
    found: list[list[Placed]] = []
    for b, kind in enumerate(kinds):
        own: dict[tuple[int, tuple[int, ...]], Placed] = {}
        for number, cluster in enumerate(clusters.clusters):
            at = (cluster.sites[:, :3] + crystal.basis[cluster.sites[:, 3]]) @ crystal.cell @ turn
            for k in np.flatnonzero(cluster.sites[:, 3] == kind):
                offsets = offsets_from(lattice, b, (at - at[k]) @ np.linalg.inv(lattice.cell), reach)
                images = [image_of(offset, shape) for offset in offsets]
                own.setdefault((number, images[0]), Placed(number, tuple(map(tuple, offsets.tolist())), tuple(images)))
        found.append(list(own.values()))
    return found


def image_of(offset: Any, shape: Integers) -> tuple[int, ...]:
    """Which site of the periodic cell an offset (dc1, dc2, dc3, basis) falls on."""
    return (*(int(c) % int(n) for c, n in zip(offset[:3], shape, strict=True)), int(offset[3]))


def shifted(placed: Placed, cell: Integers, shape: Integers) -> Placed:
    """The same cluster seen from the first cell, if its site is in another one."""
    offsets = tuple((*(int(c + d) for c, d in zip(o[:3], cell, strict=True)), o[3]) for o in placed.offsets)
    return Placed(placed.cluster, offsets, tuple(image_of(o, shape) for o in offsets))
