"""Barriers of vacancy jumps written for clarity: NumPy, no compiled loops, no memory of what was computed before.

Each class gives, for a state (n_sites,) and vacancies (n,), the sites that each vacancy can jump to and the barriers in
eV, (n, Z) both; inf onto another vacancy. They are what the compiled kernels are measured against, and tested against.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.barriers.pair import VACANCY, PairBarrier
from asemacro.barriers.published import PublishedNetwork
from asemacro.lattice.sites import neighbours_of
from asemacro.typing import Floats, Integers

if TYPE_CHECKING:
    from asemacro.barriers.base import BarrierModel
    from asemacro.lattice.lattice import Lattice

FLOOR_EV = 0.01
"""Least barrier of the pair energies above an end of the jump, and of the published network."""
JUMPS = [(a, b, c) for a, b, c in itertools.product((-1, 1), repeat=3)]
"""Jumps of a vacancy in bcc, in half lattice constants."""
SEEN = tuple(
    site
    for site in itertools.product(range(-4, 5), repeat=3)
    if site[0] % 2 == site[1] % 2 == site[2] % 2 and 0 < 1.62 * np.linalg.norm(site) <= 7.5
)
"""The 112 sites that the published network sees, in half lattice constants of 1.62 A."""


class PlainBarriers(Protocol):
    """What a plain version of a barrier model gives."""

    def __call__(self, x: NDArray[np.int8], sites: Integers) -> tuple[Integers, Floats]:
        """Sites that the vacancies at `sites` (n,) can jump to, and barriers in eV: (n, Z) both."""


class PairBonds:
    """Pair energies: barrier = max(E0, |dE| / 2 + 0.01 eV) + dE / 2, dE from the bonds that a jump changes.

    E = 1/2 sum_i sum_k eps(x_i, x_k) over the neighbours k of each site i, from a table of all neighbours.

    Args:
        lattice: where the alloy lives.
        model: pair energies of its species.
    """

    def __init__(self, lattice: Lattice, model: PairBarrier) -> None:
        shells = [lattice.neighbours(shell.offsets) for shell in lattice.shells(len(model.pair_eV))]
        self._first = lattice.neighbours(lattice.shells(1)[0].offsets)
        self._near = np.concatenate(shells, axis=1)
        self._shell = np.repeat(np.arange(len(shells)), [near.shape[1] for near in shells])
        number = {VACANCY: 0, **{symbol: k + 1 for k, symbol in enumerate(lattice.species)}}
        self._eps = np.zeros((len(shells), len(number), len(number)))
        for shell, energies in enumerate(model.pair_eV):
            for pair, value in energies.items():
                a, b = pair.split("-")
                if a in number and b in number:
                    self._eps[shell, number[a], number[b]] = self._eps[shell, number[b], number[a]] = value
        self._saddle = np.array([np.inf, *(model.migration_eV[symbol] for symbol in lattice.species)])

    def swap_energy(self, x: NDArray[np.int8], a: Integers, b: Integers) -> Floats:
        """Change of E in eV, (...), when the sites a and b (...) exchange what they hold.

        A bond within the pair, or of a site with its own image, occurs in the rows of both ends: half of it each time.
        """
        a, b = np.asarray(a)[..., None], np.asarray(b)[..., None]
        change = np.zeros(a.shape[:-1])
        for site, other in ((a, b), (b, a)):
            near = self._near[site[..., 0]]
            swapped = np.where(near == a, b, np.where(near == b, a, near))
            share = np.where(near == swapped, 1.0, 0.5)
            before, after = self._eps[self._shell, x[site], x[near]], self._eps[self._shell, x[other], x[swapped]]
            change += (share * (after - before)).sum(axis=-1)
        return change

    def __call__(self, x: NDArray[np.int8], sites: Integers) -> tuple[Integers, Floats]:
        """See `PlainBarriers`."""
        targets = self._first[sites]
        change = self.swap_energy(x, np.broadcast_to(sites[:, None], targets.shape), targets)
        barriers = np.maximum(self._saddle[x[targets]], np.abs(change) / 2 + FLOOR_EV) + change / 2
        return targets, barriers


def published_barriers(arrays: Mapping[str, NDArray[np.floating]], cubes: Floats, jump: tuple[int, int, int]) -> Floats:
    """Barriers in eV (...) of the published network, without its floor, in double precision.

    The cube is turned so that the jump is along [111]; then four layers relu(BN(W x + b)) and a linear one.

    Args:
        arrays: those of the file of weights.
        cubes: (..., 9, 9, 9) Nb 1, Mo 2, Ta 3, else 0, in half lattice constants around the vacancy.
        jump: in half lattice constants.
    """
    turns = {(1, 1): 0, (1, -1): 1, (-1, -1): 2, (-1, 1): -1}[jump[:2]]
    turned = np.rot90(cubes, turns, axes=(-3, -2))[..., :: jump[2]]
    y = turned.reshape(*cubes.shape[:-3], -1)
    for layer in range(4):
        part = {k: arrays[f"layer{layer}_{k}"].astype(float) for k in ("weight", "bias", "bn_gamma", "bn_beta")}
        mean, var = (arrays[f"layer{layer}_bn_{k}"].astype(float) for k in ("mean", "var"))
        y = y @ part["weight"] + part["bias"]
        y = np.maximum((y - mean) / np.sqrt(var + 1e-5) * part["bn_gamma"] + part["bn_beta"], 0)
    found: Floats = y @ arrays["out_weight"].astype(float)[:, 0] + arrays["out_bias"][0]
    return found


class PublishedCubes:
    """The published network of Nb-Mo-Ta: a cube of what is around the vacancy, turned for each of the eight jumps.

    Args:
        lattice: a bcc one.
        arrays: those of the file of weights.
    """

    def __init__(self, lattice: Lattice, arrays: Mapping[str, NDArray[np.floating]]) -> None:
        self._lattice, self._arrays = lattice, arrays
        self._around, self._jumps = lattice.offsets(np.array(SEEN)), lattice.offsets(np.array(JUMPS))
        self._value = np.array([0, *(("Nb", "Mo", "Ta").index(symbol) + 1 for symbol in lattice.species)])

    def __call__(self, x: NDArray[np.int8], sites: Integers) -> tuple[Integers, Floats]:
        """See `PlainBarriers`."""
        shape, n_basis = self._lattice.shape, self._lattice.n_basis
        cubes = np.zeros((len(sites), 9, 9, 9))
        a, b, c = np.transpose(SEEN) + 4
        cubes[:, a, b, c] = self._value[x[neighbours_of(shape, n_basis, sites, self._around)]]
        found = np.stack([published_barriers(self._arrays, cubes, jump) for jump in JUMPS], axis=1)
        targets = neighbours_of(shape, n_basis, sites, self._jumps)
        return targets, np.where(x[targets] == 0, np.inf, np.maximum(found, FLOOR_EV))


class TorchNetwork:
    """A graph network by its torch modules, as it was trained.

    Args:
        lattice: where the alloy lives.
        model: the network.
    """

    def __init__(self, lattice: Lattice, model: BarrierGNN) -> None:
        compiled = model.compile(lattice)
        self._lattice, self._model = lattice, model
        self._jumps = compiled.env[:, 1 : 1 + compiled.n_targets]

    def __call__(self, x: NDArray[np.int8], sites: Integers) -> tuple[Integers, Floats]:
        """See `PlainBarriers`."""
        targets = neighbours_of(self._lattice.shape, self._lattice.n_basis, sites, self._jumps)
        return targets, self._model.predict(self._model.environments(self._lattice, x, sites))


def plain_barriers(
    lattice: Lattice, model: BarrierModel, arrays: Mapping[str, NDArray[np.floating]] | None = None
) -> PlainBarriers | None:
    """The plain version of a barrier model; None of kinds that have none.

    Args:
        lattice: where the alloy lives.
        model: pair energies, the published network or a graph network.
        arrays: of the published network, those of its file.
    """
    if isinstance(model, PairBarrier):
        return PairBonds(lattice, model)
    if isinstance(model, PublishedNetwork) and arrays is not None:
        return PublishedCubes(lattice, arrays)
    if isinstance(model, BarrierGNN):
        return TorchNetwork(lattice, model)
    return None
