"""The published NbMoTa barrier network (Xing et al., Nat. Commun. 15, 3879, 2024), from its plain arrays."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.base import BarrierModel
from asemacro.barriers.blocks import SIXTEEN
from asemacro.barriers.compiled import NNK, CompiledBarriers
from asemacro.barriers.published_kernel import N_JUMPS, WIDTH
from asemacro.barriers.vectors import aligned
from asemacro.files.arrays import Expected, read_arrays
from asemacro.files.reading import LARGEST_WEIGHT, reading

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

SIDE = 9
"""Voxels along an edge of the input cube; the spacing is half the cubic lattice constant."""
REACH2 = 20
"""Largest squared distance of a site that is seen, half lattice constants: 7.5 A at a = 3.24 A, 112 sites."""
BN_EPS = 1e-5


class PublishedNetwork(BarrierModel):
    """Barriers of the network that drove the published NbMoTa simulations.

    Input: the species (Nb 1, Mo 2, Ta 3, vacancy 0) on the 112 sites within 7.5 A of the vacancy, in a 9x9x9
    cube of half lattice constants turned so that the jump is along [111]; four layers relu(BN(W x + b)) of
    width 128, then a linear one. Not symmetric under the three-fold axis and without detailed balance.

    Args:
        weights: arrays layer{0..3}_{weight,bias,bn_gamma,bn_beta,bn_mean,bn_var}, out_weight, out_bias.
        axes: "xyz", the cube as the published macroscopic study feeds it, or "yxz", as the network's own code
            does (first two axes exchanged after turning; 0.012 eV away on average).
        name: shown on screen and on figures.
    """

    def __init__(
        self,
        weights: dict[str, NDArray[np.float32]],
        axes: Literal["xyz", "yxz"] = "xyz",
        name: str = "published NbMoTa network",
    ) -> None:
        if axes not in ("xyz", "yxz"):
            raise ValueError(f'axes of the published network must be "xyz" or "yxz"; got {axes!r}')
        self.name = name
        self.species: tuple[str, ...] = ("Nb", "Mo", "Ta")
        self.prototype = "bcc"
        self.axes = axes
        for key, shape in _expected().items():
            if key not in weights:
                raise ValueError(f"not the published network: array {key} is missing")
            if weights[key].shape != shape:
                raise ValueError(f"not the published network: {key} has shape {weights[key].shape}, not {shape}")
            if not np.issubdtype(weights[key].dtype, np.floating) or not np.all(np.isfinite(weights[key])):
                raise ValueError(f"the published network's array {key} holds values that are not finite numbers")
            if np.abs(weights[key]).max() > LARGEST_WEIGHT or (key.endswith("_bn_var") and weights[key].min() < 0):
                raise ValueError(
                    f"the published network's array {key} is damaged: it holds values from {weights[key].min():.3g} to "
                    f"{weights[key].max():.3g}"
                )
        self._weights, self._biases = [], []
        for layer in range(4):
            part = {k: np.asarray(weights[f"layer{layer}_{k}"], dtype=np.float64) for k in _LAYER}
            # Batch normalisation in evaluation mode is affine: fold it into the layer before it.
            scale = part["bn_gamma"] / np.sqrt(part["bn_var"] + BN_EPS)
            self._weights.append(part["weight"] * scale)
            self._biases.append((part["bias"] - part["bn_mean"]) * scale + part["bn_beta"])
        self._out = np.append(weights["out_weight"][:, 0], weights["out_bias"])

    @classmethod
    def from_npz(cls, path: str | Path, axes: Literal["xyz", "yxz"] = "xyz") -> PublishedNetwork:
        """Read the weights; nothing is unpickled.

        Raises:
            FileNotFoundError: no such file.
            ValueError: in one line, if the file is truncated or is not this network.
        """
        expected = {name: Expected("number", shape, finite=False) for name, shape in _expected().items()}
        weights = read_arrays(path, "published network", expected)
        with reading(path, "published network", "is not the published network"):
            return cls(weights, axes)

    def compile(self, lattice: Lattice) -> CompiledBarriers:
        """Tables for the nnk kernel; the cube's axes are the lattice's conventional cubic axes."""
        self.check(lattice)
        n_basis = lattice.n_basis
        first = lattice.shells(1)[0].offsets
        jumps = np.array(list(itertools.product((-1, 1), repeat=3)))
        jump_offsets = lattice.offsets(jumps)
        others = np.array([d for d in _sites() if np.abs(d).max() > 1])
        envs, tables = [], []
        for basis in range(n_basis):
            order = [int(np.flatnonzero((jump_offsets[basis] == o).all(axis=1))[0]) for o in first[basis]]
            displacements = np.concatenate([jumps[order], others])
            own = np.array([[0, 0, 0, basis]])
            envs.append(np.concatenate([own, lattice.offsets(displacements)[basis]]))
            tables.append(np.stack([_rows(displacements, displacements[j], self.axes) for j in range(N_JUMPS)]))
        if any(not np.array_equal(table, tables[0]) for table in tables):
            raise ValueError("the lattice lists its first-shell jumps in a different order on different sites")
        voxels = _voxel(np.array(_sites()))
        weights = [self._weights[0][voxels], *self._weights[1:]]
        flat: list[NDArray[np.float64]] = [
            *(w.reshape(-1) for w in weights),
            *self._biases,
            self._out.astype(np.float64),
        ]
        n = len(voxels)
        return CompiledBarriers(
            kind=NNK,
            n_targets=N_JUMPS,
            env=np.stack(envs).astype(np.int64),
            species=self._species_map(lattice),
            integers=tables[0].reshape(-1).astype(np.int64),
            single=aligned(np.concatenate(flat), np.float32),
            double=np.zeros(0),
            workspace=SIXTEEN + N_JUMPS * (n + 2 * WIDTH),
        )


_LAYER = ("weight", "bias", "bn_gamma", "bn_beta", "bn_mean", "bn_var")


def _expected() -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of the published file."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(4):
        shapes |= {f"layer{layer}_{k}": (WIDTH,) for k in _LAYER}
        shapes[f"layer{layer}_weight"] = (SIDE**3 if layer == 0 else WIDTH, WIDTH)
    return shapes | {"out_weight": (WIDTH, 1), "out_bias": (1,)}


def _sites() -> list[tuple[int, int, int]]:
    """Displacements of the 112 sites seen, in half lattice constants, in the order of their voxels."""
    half = SIDE // 2
    return [
        (a, b, c)
        for a, b, c in itertools.product(range(-half, half + 1), repeat=3)
        if (a - b) % 2 == 0 and (a - c) % 2 == 0 and 0 < a * a + b * b + c * c <= REACH2
    ]


def _voxel(displacements: NDArray[np.integer]) -> NDArray[np.int64]:
    """Position in the flattened cube (row-major) of displacements in half lattice constants."""
    half = SIDE // 2
    return ((displacements + half) @ np.array([SIDE * SIDE, SIDE, 1])).astype(np.int64)


def _turned(displacements: NDArray[np.integer], jump: NDArray[np.integer], axes: str) -> NDArray[np.integer]:
    """Displacements in the frame where the jump is along [111].

    A turn about z by 0, +90, 180 or -90 degrees, then a mirror along z, as np.rot90 and flip do to the cube.
    """
    x, y, z = displacements.T
    dx, dy, dz = jump
    turned = {(1, 1): (x, y), (1, -1): (-y, x), (-1, -1): (-x, -y), (-1, 1): (y, -x)}[(int(dx), int(dy))]
    first, second = turned if axes == "xyz" else turned[::-1]
    return np.stack([first, second, z * dz], axis=1)


def _rows(displacements: NDArray[np.integer], jump: NDArray[np.integer], axes: str) -> NDArray[np.int64]:
    """Row of the reduced first layer that each env site multiplies for this jump."""
    voxels = _voxel(np.array(_sites()))
    return np.searchsorted(voxels, _voxel(_turned(displacements, jump, axes)))
