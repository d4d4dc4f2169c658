"""Diffuse scattering by short-range order: `diffuse_scattering(atoms)`, in Laue units."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory
from asemacro.arguments.door import array, checked, flag, many, number, structure, text
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.reciprocal_plane import ReciprocalPlane, read_plane
from asemacro.lattice.waves import Waves, box_edges, lattice_waves, lengths_of, waves_at, waves_in
from asemacro.observables.form_factors import RADIATIONS, form_factors
from asemacro.observables.pair_waves import PairWaves
from asemacro.statistics.averages import stationary_average
from asemacro.typing import Floats

if TYPE_CHECKING:
    from pymatgen.core import Structure

LEAST_STATES = 4  # that an error is made of
MOST_EXTENT = 50.0
_SAME_BOX = 1e-3
_SAME_COMPOSITION = 0.02
_NO_CONTRAST = 1e-9  # of the mean square of the form factors


@dataclasses.dataclass(frozen=True, eq=False)
class DiffuseScattering:
    r"""Diffuse intensity by short-range order at n wave vectors, a mean over states.

    With the form factors f_i and the fractions c_i of the species among the atoms,

        I(k) = 1/N |sum_r (f(r) - <f>) exp(-i k.r)|^2 / (<f^2> - <f>^2) = sum_{i<j} w_ij alpha_ij(k),
        w_ij = c_i c_j (f_i - f_j)^2 / (<f^2> - <f>^2),

    in Laue units: 1 for a random alloy. The mean over a Brillouin zone is 1 for any alloy. Of two species it is
    alpha(k), whatever scatters. An ordered structure has peaks that grow with N.
    Source: Cowley, J. Appl. Phys. 21, 24 (1950); de Fontaine, J. Appl. Cryst. 4, 15 (1971) (several species).

    Attributes:
        hkl: (n, 3) wave vectors, in reciprocal vectors of the conventional cell.
        length: (n,) |k| with the factor 2 pi, 1/angstrom.
        intensity: (n,) in Laue units; nan at the Bragg peaks of the mean crystal, which stand where it would be.
        error: (n,) one standard error of the mean over states (`stationary_average`); nan of fewer than 4 states.
        pairs: unlike pairs of species, the lower atomic number first.
        alpha: (n, pairs) alpha_ij(k), the Fourier transform of the Warren-Cowley parameters, see `PairWaves`; nan at
            the Bragg peaks.
        part: (n, pairs) w_ij alpha_ij(k), what each pair adds to the intensity.
        states: how many states it is the mean of.
        arms: (n,) over how many operations of the point group each value is averaged (`PairWaves`), 1 without symmetry.
        radiation: "xray" or "neutron".
        plane: the plane, None of given wave vectors.
        lattice: the lattice of the first state.
    """

    hkl: Floats
    length: Floats
    intensity: Floats
    error: Floats
    pairs: tuple[str, ...]
    alpha: Floats
    part: Floats
    states: int
    arms: NDArray[np.int64]
    radiation: str
    plane: ReciprocalPlane | None
    lattice: Lattice


class _Common(NamedTuple):
    """What all states of a mean share.

    Attributes:
        lattice: of the first one.
        share: (S,) of the species among its atoms.
        waves: wave vectors.
        pair_waves: measures alpha_ij(k).
        factors: (n, S) form factors.
    """

    lattice: Lattice
    share: Floats
    waves: Waves
    pair_waves: PairWaves
    factors: Floats


class ScatteringMean:
    """Diffuse scattering of states as they come.

    Args:
        hkl: a plane of reciprocal space, see `read_plane`, or wave vectors (n, 3) that fit the box.
        radiation: "xray" or "neutron".
        extent: to which the letters of the plane run from 0.
        symmetric: average over the point group, see `PairWaves`.

    Raises:
        ValueError: words that are no plane, or no such radiation.
    """

    def __init__(self, hkl: str | Floats, *, radiation: str, extent: float, symmetric: bool) -> None:
        if radiation not in RADIATIONS:
            raise ValueError(f"radiation is {' or '.join(RADIATIONS)}, not {radiation!r}")
        self._plane = read_plane(hkl) if isinstance(hkl, str) else None
        self._hkl = np.zeros((0, 3)) if isinstance(hkl, str) else hkl
        self._radiation, self._extent, self._symmetric = radiation, extent, symmetric
        self._common: _Common | None = None
        self._alpha: Floats | float = 0.0
        self._part: Floats | float = 0.0
        self._intensities: list[Floats] = []

    def add(self, lattice: Lattice, x: NDArray[np.int8]) -> None:
        """One more state (n_sites,).

        Raises:
            ValueError: a state of another box, composition or lattice than those before; no waves in the plane;
                an element without form factor, or all that scatter alike.
        """
        counts = np.bincount(x, minlength=len(lattice.species) + 1)[1:]
        share = counts / counts.sum()
        if self._common is None:
            self._common = self._begin(lattice, share)
        first, before, waves, pair_waves, factors = self._common
        if (lattice.species, lattice.prototype, lattice.shape) != (first.species, first.prototype, first.shape) or (
            np.abs(box_edges(lattice) - box_edges(first)).max() > _SAME_BOX
        ):
            raise ValueError(
                f"{lattice.n_sites} sites of {'-'.join(lattice.species)} on {lattice.prototype} in another box than "
                f"the structure before ({first.n_sites} of {'-'.join(first.species)} on {first.prototype}): their "
                "scattering has no mean; give them one by one"
            )
        if np.abs(share - before).max() > _SAME_COMPOSITION:
            raise ValueError(
                "another composition than the structure before: their scattering has no mean; give them one by one"
            )
        alpha = pair_waves(x)
        part = alpha * contrasts(factors, share)
        bound_of_memory(8.0 * len(waves.hkl) * (len(self._intensities) + 1), "the scattering of so many structures")
        self._alpha, self._part = self._alpha + alpha, self._part + part
        self._intensities.append(part.sum(axis=1))

    def result(self) -> DiffuseScattering | None:
        """The mean so far; None before the first state."""
        if self._common is None:
            return None
        lattice, _, waves, pair_waves, _ = self._common
        n = len(self._intensities)
        bragg = lattice_waves(lattice, waves.steps) > _SAME_BOX
        series = np.array(self._intensities)
        error = np.full(len(bragg), np.nan)
        if n >= LEAST_STATES and not bragg.all():
            error[~bragg] = stationary_average(series[:, ~bragg], discard=0.0).error
        hidden = np.where(bragg, np.nan, 0.0)
        return DiffuseScattering(
            hkl=waves.hkl,
            length=lengths_of(lattice, waves.hkl),
            intensity=series.mean(axis=0) + hidden,
            error=error,
            pairs=tuple(f"{lattice.species[i]}-{lattice.species[j]}" for i, j in pair_waves.pairs),
            alpha=self._alpha / n + hidden[:, None],
            part=self._part / n + hidden[:, None],
            states=n,
            arms=pair_waves.arms,
            radiation=self._radiation,
            plane=self._plane,
            lattice=lattice,
        )

    def _begin(self, lattice: Lattice, share: Floats) -> _Common:
        """From the first state."""
        if len(lattice.species) < 2:
            raise ValueError(
                f"no diffuse scattering: the lattice holds {', '.join(lattice.species) or 'no atoms'} only"
            )
        if self._plane is None:
            waves = waves_at(lattice, self._hkl)
        else:
            waves = waves_in(lattice, self._plane, self._extent)
            if (lattice_waves(lattice, waves.steps) > _SAME_BOX).all():
                raise ValueError(
                    f"the plane {self._plane.words} holds only Bragg peaks: the cell is too small for other waves in "
                    "it; repeat the cell or take another plane"
                )
        factors = form_factors(lattice.species, self._radiation, lengths_of(lattice, waves.hkl))
        contrasts(factors, share)
        return _Common(lattice, share, waves, PairWaves(lattice, waves, symmetric=self._symmetric), factors)


def contrasts(factors: Floats, share: Floats) -> Floats:
    """(n, pairs) weights w_ij of the unlike pairs; they add up to 1 at each wave vector.

    Args:
        factors: (n, S) form factors.
        share: (S,) of the species among the atoms.

    Raises:
        ValueError: all species scatter alike.
    """
    i, j = np.triu_indices(len(share), 1)
    found = share[i] * share[j] * (factors[:, i] - factors[:, j]) ** 2
    laue = found.sum(axis=1, keepdims=True)
    if (laue[:, 0] <= _NO_CONTRAST * (factors**2 @ share)).any():
        raise ValueError("these species scatter alike: no diffuse intensity; take the other radiation")
    return np.asarray(found / laue)


def _structures(value: Any, name: str) -> list[Any]:
    """One structure or several."""
    several = isinstance(value, (list, tuple))
    return list(many(structure, least=1)(value, name)) if several else [structure(value, name)]


def _waves(value: Any, name: str) -> Any:
    """Words, or wave vectors."""
    if isinstance(value, str):
        return value
    found = array(None, 3)(value, name)
    if not len(found) or np.abs(found).max() > MOST_EXTENT:
        raise ValueError(f"{name} must be at least one wave vector, each index at most {MOST_EXTENT:g}")
    return found


@checked(structures=_structures, hkl=_waves, radiation=text, extent=number(1e-3, MOST_EXTENT), symmetric=flag)
def diffuse_scattering(
    structures: Atoms | Structure | Sequence[Atoms | Structure],
    hkl: str | Floats = "hk0",
    *,
    radiation: str = "xray",
    extent: float = 2.0,
    symmetric: bool = True,
) -> DiffuseScattering:
    """Diffuse scattering by short-range order of structures, in Laue units, at the waves that fit their cell.

    I(k) = 1/N |sum_r (f(r) - <f>) exp(-i k.r)|^2 / (<f^2> - <f>^2), exact for a crystal that repeats the cell: the
    Fourier series of the Warren-Cowley parameters of all shells (`DiffuseScattering`). By short-range order alone:
    atoms are put on the sites of their lattice (no displacements, no thermal scattering), and a vacant site scatters
    like the mean atom, since simulated cells have far more vacancies than crystals.

    Args:
        structures: one, or several of the same cell and composition, such as frames of a run: their mean. They count as
            a series in time for the error.
        hkl: plane of reciprocal space by its words, "hk0", "hhl", "hk1/2", "h,k,-h-k"; or wave vectors (n, 3) that fit
            the cell. Both in reciprocal vectors of the conventional cell.
        radiation: "xray" (form factors) or "neutron" (coherent scattering lengths), see `form_factors`.
        extent: of a plane: its two letters run from 0 to this.
        symmetric: average over the wave vectors that are equivalent by the point group of the crystal, as far as they
            fit the cell. Of one ordered variant this gives the mean of all its variants.

    Raises:
        ValueError: a plane that is not understood or holds no waves, occupancies, another cell or composition, an
            element that the tables lack.
    """
    mean = ScatteringMean(hkl, radiation=radiation, extent=extent, symmetric=symmetric)
    for atoms in structures:  # type: ignore[union-attr]
        lattice = Lattice.from_atoms(atoms)
        mean.add(lattice, lattice.state(atoms)[0])
    found = mean.result()
    assert found is not None
    return found
