"""A periodic crystal as unit cell x grid: what every state, observable and kernel lives on.

Site index = (cell index, basis index), cell index = (c1 N2 + c2) N3 + c3. Neighbours are kept as offset
tables of the unit cell, never as a table of sites, so a lattice of 10^8 sites costs nothing by itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.geometry.minkowski_reduction import minkowski_reduce
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import count_of, generator_of, positive
from asemacro.arguments.door import (
    CRYSTAL,
    MOST_CELLS,
    SITES,
    STATES,
    above_zero,
    array,
    checked,
    dictionary,
    flag,
    many,
    number,
    one_or_many,
    real,
    structure,
    text,
    whole,
)
from asemacro.lattice.counts import counts_of
from asemacro.lattice.grid import Grid, need_memory
from asemacro.lattice.prototypes import PROTOTYPES
from asemacro.lattice.recognition.crystal import MARK
from asemacro.lattice.recognition.distortion import SHELL_TOLERANCE, ideal_stacking
from asemacro.lattice.shells import MOST_SHELLS, Shell, find_shells, offset_table

if TYPE_CHECKING:
    from pymatgen.core import Structure

VACANCY = "X"
Whole = TypeVar("Whole", bound=np.integer[Any])


class Lattice(Grid):
    """A crystal lattice of N1 x N2 x N3 unit cells.

    Attributes:
        cell: (3, 3) vectors of the unit cell in rows, angstrom.
        basis: (n_basis, 3) sites in fractions of the cell.
        shape: number of cells (N1, N2, N3) along its vectors; the grid wraps around.
        pbc: which axes are lattice translations. An axis that is not (vacuum) is one cell thick.
        species: chemical symbols by atomic number; the state value s > 0 is species[s - 1], 0 a vacancy.
        composition: fraction of each species among the atoms, the default of `random_state`.
        prototype: "bcc", "fcc", "sc", "diamond", "hcp", "square", "honeycomb", "chain", else the space group.
        conventional: (3, 3) vectors of the conventional cell as they are, strained if the input was.
        ideal: (3, 3) the same without strain, in any orientation: shells are told apart in it.
        vacant: fraction of the sites that fractional occupancies leave vacant; alloys made from it have so many.
        open_axes: along which axes the grid does not wrap around but ends (fields: no flux through its faces).
    """

    def __repr__(self) -> str:
        """One line; the attributes hold the rest."""
        of = " ".join(f"{symbol}{fraction:.3g}" for symbol, fraction in self.composition.items())
        size = " x ".join(map(str, self.shape))
        return f"<Lattice {self.prototype}{' ' * bool(of)}{of}: {self.n_sites:,} sites, {size} cells of {self.n_basis}>"

    # ---------------------------------------------------------------- construction

    @classmethod
    @checked(
        prototype=text,
        a=real,
        species=one_or_many(text),
        shape=one_or_many(whole(1, MOST_CELLS)),
        composition=dictionary(number(0)),
        c=above_zero,
    )
    def from_prototype(
        cls,
        prototype: str,
        a: float,
        species: str | Sequence[str],
        shape: int | Sequence[int],
        composition: Mapping[str, float] | None = None,
        c: float | None = None,
    ) -> Lattice:
        """A named lattice with lattice parameter `a` (and `c` for hcp, default sqrt(8/3) a), angstrom.

        Args:
            prototype: bcc, fcc, sc, diamond, hcp, square, triangular, honeycomb or chain.
            a: lattice parameter of the conventional cell, angstrom.
            species: chemical symbols in any order; "X" for a lattice of spins or fields, which holds no species.
            shape: conventional cells along each axis; one number means the same for all periodic axes.
            composition: fractions among the atoms, default equal ones.
            c: second lattice parameter of hcp.

        Raises:
            ValueError: unknown prototype, a <= 0, a bad shape or species.
        """
        if prototype not in PROTOTYPES:
            raise ValueError(f"no lattice is named {prototype!r}; there are {', '.join(PROTOTYPES)}")
        unit, basis, pbc = PROTOTYPES[prototype]
        cell = unit * positive(a, "lattice parameter a", "angstroms")
        if prototype == "hcp":
            cell[2, 2] = a * np.sqrt(8 / 3) if c is None else c
        counts = [shape] * sum(pbc) if isinstance(shape, int) else list(shape)
        if len(counts) == 3 and all(n == 1 for n, p in zip(counts, pbc, strict=True) if not p):
            counts = [n for n, p in zip(counts, pbc, strict=True) if p]
        if len(counts) != sum(pbc):
            raise ValueError(f"a {prototype} lattice is repeated along {sum(pbc)} axes, got shape {shape}")
        named = {species} if isinstance(species, str) else set(species)
        symbols = tuple(sorted(named if named != {VACANCY} else (), key=_number))
        fractions = {s: 1 / len(symbols) for s in symbols} if composition is None else dict(composition)
        if set(fractions) != set(symbols):
            raise ValueError(f"composition {fractions} and species {symbols} name different elements")
        periods = iter(counts)
        full = tuple(next(periods) if p else 1 for p in pbc)
        ideal = ideal_stacking(cell, np.array(basis), SHELL_TOLERANCE) if prototype == "hcp" else cell
        return cls(cell, np.array(basis), full, pbc, symbols, fractions, prototype, cell, ideal)  # type: ignore[arg-type]

    @classmethod
    def bcc(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Body-centred cubic, 2 sites a cell; see `from_prototype`."""
        return cls.from_prototype("bcc", a, species, shape, **kw)

    @classmethod
    def fcc(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Face-centred cubic, 4 sites a cell; see `from_prototype`."""
        return cls.from_prototype("fcc", a, species, shape, **kw)

    @classmethod
    def hcp(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Hexagonal close-packed, 2 sites a cell; see `from_prototype`."""
        return cls.from_prototype("hcp", a, species, shape, **kw)

    @classmethod
    def diamond(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Diamond cubic, 8 sites a cell; see `from_prototype`."""
        return cls.from_prototype("diamond", a, species, shape, **kw)

    @classmethod
    def square(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Square net in the plane of the first two axes; see `from_prototype`."""
        return cls.from_prototype("square", a, species, shape, **kw)

    @classmethod
    def cubic(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Simple cubic, 1 site a cell; see `from_prototype`."""
        return cls.from_prototype("sc", a, species, shape, **kw)

    @classmethod
    def triangular(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Triangular net, 1 site a cell and 6 neighbours at a; see `from_prototype`."""
        return cls.from_prototype("triangular", a, species, shape, **kw)

    @classmethod
    def honeycomb(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Honeycomb net, 2 sites a cell, neighbours at a / sqrt(3); see `from_prototype`."""
        return cls.from_prototype("honeycomb", a, species, shape, **kw)

    @classmethod
    def chain(cls, a: float, species: str | Sequence[str], shape: int | Sequence[int], **kw: Any) -> Lattice:
        """Chain along the first axis; see `from_prototype`."""
        return cls.from_prototype("chain", a, species, shape, **kw)

    @classmethod
    def from_atoms(cls, atoms: Atoms | Structure, *, shell_tolerance: float | None = None) -> Lattice:
        """The lattice that the atoms of a (strained, rattled, defective) crystal sit on; see `recognise`.

        Args:
            atoms: any cell of it, or one that names a sublattice (`sublattice_of`).
            shell_tolerance: distortion up to which neighbours are those of the undistorted crystal, 0 to 0.15;
                None for 0.08.
        """
        from asemacro.lattice.recognition.atoms_to_grid import recognise

        return cls.on(recognise(atoms, shell_tolerance=shell_tolerance).grid)

    @classmethod
    def on(cls, grid: Grid) -> Lattice:
        """The lattice with the fields of a grid."""
        return cls(**{field.name: getattr(grid, field.name) for field in dataclasses.fields(grid)})

    # ---------------------------------------------------------------- size

    def opened(self, *axes: int) -> Lattice:
        """The same box, ending at its faces along `axes` (0, 1, 2); for fields and other states without species."""
        axes = many(whole(0, 2))(axes, "axes")
        return dataclasses.replace(self, open_axes=(0 in axes, 1 in axes, 2 in axes))

    @checked(n_sites=whole(1))
    def at_least(self, n_sites: int) -> Lattice:
        """The box nearest to a cube with at least `n_sites` sites that this one tiles.

        A box that is not made of conventional cells (a primitive or sheared supercell) is first replaced by
        the smallest box of conventional cells that it tiles. Sites x aspect ratio^(1/2) is then minimised.
        `tile` carries a state over.
        """
        from asemacro.lattice.boxes import near_cube

        return near_cube(self, n_sites)

    def positions(self) -> NDArray[np.float64]:
        """(n_sites, 3) positions of the sites, angstrom."""
        need_memory(self, 80, "positions")
        cells = np.indices(self.shape).reshape(3, -1).T
        return ((cells[:, None] + self.basis[None]) @ self.cell).reshape(-1, 3)

    # ---------------------------------------------------------------- neighbours

    def shells(self, n: int) -> tuple[Shell, ...]:
        """The first `n` neighbour shells as offset tables.

        From ase.neighborlist on one unit cell of the undistorted crystal; within a shell the neighbours are
        sorted by their displacement in the conventional frame, so on a one-atom lattice neighbour k lies in
        the same direction from every site. In a box smaller than the shell an image counts as often as it
        occurs.

        Raises:
            ValueError: n is no whole number from 1 to 100, or sites of the crystal have different numbers of
                neighbours in a shell.
        """
        n = count_of(n, "neighbour shells", least=1, most=MOST_SHELLS)
        if n not in self._memo:
            self._memo[n] = find_shells(self, n)
        return self._memo[n]

    @checked(displacements=array(kind="i"))
    def offsets(self, displacements: ArrayLike) -> NDArray[np.int64]:
        """Offset table of displacements given in halves of the conventional cell vectors.

        Args:
            displacements: (n, 3) integers; the first shell of bcc is all (+-1, +-1, +-1).

        Returns:
            (n_basis, n, 4) rows (dc1, dc2, dc3, target basis).

        Raises:
            ValueError: a displacement does not lead from every site to a site.
        """
        steps = np.atleast_2d(displacements)
        if steps.ndim != 2 or steps.shape[1] != 3:
            raise ValueError(f"displacements must have the shape (n, 3), got {steps.shape}")
        return offset_table(self, steps)

    @checked(offsets=array(None, None, 4, kind="i"))
    def neighbours(self, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n_sites, n) explicit table of the sites at `offsets` (n_basis, n, 4); for small lattices.

        Beyond an open end of the grid a site stands for its missing neighbour itself (no flux).
        """
        if offsets.shape[:1] != (self.n_basis,) or (
            offsets.size and not 0 <= offsets[..., 3].min() <= offsets[..., 3].max() < self.n_basis
        ):
            raise ValueError(f"offsets must be ({self.n_basis}, n, 4) with the last column below {self.n_basis}")
        need_memory(self, 80 * offsets.shape[1], "neighbours")
        cell_index: NDArray[np.int64] = np.zeros((1, 1, 1, 1, 1), dtype=np.int64)
        beyond: NDArray[np.bool_] = np.zeros((1, 1, 1, 1, 1), dtype=bool)
        for axis, (cells, end) in enumerate(zip(self.shape, self.open_axes, strict=True)):
            there = np.expand_dims(np.arange(cells), tuple({0, 1, 2} - {axis}))[..., None, None] + offsets[..., axis]
            wrapped = there % cells
            cell_index = cell_index * cells + wrapped
            if end:
                beyond = beyond | (there != wrapped)
        index = (cell_index * self.n_basis + offsets[..., 3]).reshape(self.n_sites, offsets.shape[1])
        if beyond.any():
            beyond = np.broadcast_to(beyond, (*self.shape, *offsets.shape[:2])).reshape(index.shape)
            index = np.where(beyond, np.arange(self.n_sites)[:, None], index)
        return index

    # ---------------------------------------------------------------- states

    @checked(positions=array(None, 3))
    def nearest_sites(self, positions: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Nearest site of each position and the distance to it, angstrom."""
        from asemacro.lattice.recognition.placement import nearest_sites

        return nearest_sites(self, np.asarray(positions))

    @checked(atoms=structure)
    def state(self, atoms: Atoms | Structure) -> NDArray[np.int8]:
        """(1, n_sites) state of atoms on this lattice; sites without an atom and atoms X are vacancies.

        Raises:
            ValueError: two atoms on a site, more than 10 % of the atoms off the lattice, an unknown species,
                or fractional occupancy.
        """
        from asemacro.lattice.recognition.atoms_to_grid import read_state

        return read_state(self, atoms, self.shells(1)[0].distance)

    @checked(x=SITES, vacancies=flag)
    def to_atoms(self, x: NDArray[np.int8], *, vacancies: bool = True) -> Atoms:
        """Atoms of one state, (n_sites,) or (1, n_sites), in the order of the sites.

        Behind them come those beside a sublattice (`spectators`), and the atoms say which sublattice is meant.

        Args:
            x: the state.
            vacancies: keep vacancies as atoms X (then `state` gives x back), or leave them out.
        """
        values = x.reshape(-1)
        if len(values) != self.n_sites:
            raise ValueError(f"the state has {len(values)} sites, the lattice {self.n_sites}")
        if values.min() < 0 or values.max() > len(self.species):
            raise ValueError(
                f"x holds {values.min()} to {values.max()}, the lattice has values 0 to {len(self.species)}"
            )
        numbers = np.array([0, *map(_number, self.species)])[values]
        box = self.cell * np.array(self.shape)[:, None]
        pbc = np.array(self.pbc) & ~np.array(self.open_axes)
        atoms = Atoms(numbers=numbers, positions=self.positions(), cell=box, pbc=pbc)
        if self.spectators is not None:
            atoms += self.spectators.in_box(self.conventional, box)
            atoms.info[MARK] = ",".join(self.species)
        oblique = np.linalg.norm(box, axis=1).prod() > 2 * abs(np.linalg.det(box))
        if oblique and not any(self.open_axes):  # the same crystal in a compact box
            atoms.set_cell(minkowski_reduce(box, pbc=np.array(self.pbc))[0])
            atoms.wrap()
        return atoms if vacancies else atoms[atoms.numbers > 0]

    @checked(x=STATES, larger=CRYSTAL)
    def tile(self, x: NDArray[Whole], larger: Lattice) -> NDArray[Whole]:
        """(batch, larger.n_sites) the states `x` (batch, n_sites) repeated over a box that this one tiles."""
        if np.atleast_2d(x).shape[1] != self.n_sites:
            raise ValueError(f"x must have the shape (batch, {self.n_sites}), got {x.shape}")
        need_memory(larger, 100 + x.nbytes / self.n_sites, "states")
        box = np.linalg.inv(self.cell * np.array(self.shape)[:, None])
        tiles = (larger.cell * np.array(larger.shape)[:, None]) @ box
        if np.abs(tiles - np.rint(tiles)).max() > 1e-3:
            raise ValueError(f"a box of shape {self.shape} does not tile one of shape {larger.shape}")
        site, distance = self.nearest_sites(larger.positions())
        if distance.max() > 1e-2 * self.shells(1)[0].distance:
            raise ValueError("the two lattices are not the same crystal")
        return np.atleast_2d(x)[:, site]

    @checked(composition=dictionary(number(0)), vacancies=whole(), batch=whole(1), rng=generator_of)
    def random_state(
        self,
        composition: Mapping[str, float] | None = None,
        *,
        vacancies: int = 1,
        batch: int = 1,
        rng: np.random.Generator,
    ) -> NDArray[np.int8]:
        """Random alloys with exactly the same counts, (batch, n_sites) int8.

        Args:
            composition: fractions among the atoms (counts by largest remainder), or the counts themselves
                (adding up to the sites, with the vacancies as "X" or as `vacancies`); default `composition`.
            vacancies: number of vacancies, if not given as "X".
            batch: number of states.
            rng: source of randomness.
        """
        counts = self.counts(composition, vacancies=vacancies)
        need_memory(self, batch, "states")
        ends = np.cumsum(counts)
        states = np.empty((batch, self.n_sites), dtype=np.int8)
        for state in states:
            for value, (end, count) in enumerate(zip(ends, counts, strict=True)):
                state[end - count : end] = value
            rng.shuffle(state)
        return states

    @checked(composition=dictionary(number(0)), vacancies=whole())
    def counts(self, composition: Mapping[str, float] | None = None, *, vacancies: int = 1) -> NDArray[np.int64]:
        """(S + 1,) number of vacancies and of atoms of each species, as `random_state` draws them."""
        return counts_of(self, self.composition if composition is None else composition, vacancies)


def _number(symbol: str) -> int:
    if symbol not in atomic_numbers or atomic_numbers[symbol] == 0:
        raise ValueError(f"{symbol!r} is not a chemical element")
    return atomic_numbers[symbol]
