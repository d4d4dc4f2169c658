"""What a fit of closure variables sees of its snapshots: the environments of their sites, as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asemacro.closure.kernels import count_codes
from asemacro.closure.network import LocalNetwork, products, spin_codes
from asemacro.closure.variables import checked_spins, closure_offsets, spin_stencil
from asemacro.micro.blocks import cells_of

_ROWS = 1 << 24  # counts of codes held at a time


class SpinData:
    """Snapshots of spins as frequencies of the codes of their spins: exact, and all that a table needs.

    Attributes:
        neighbours: numbers of neighbours in the shells.
        product_means: (N, 1 + S) means over sites of `products`.
        up: (N, E) fraction of the sites that are up and have the environment e, a pair of numbers of up spins in
            the first two shells.
        all: (N, E) fraction of the sites with the environment e, up or down.
        n_fields: 0.
    """

    n_fields = 0

    def __init__(self, x: NDArray[np.int8], lattice: Any, shells: int) -> None:
        block, copies = cells_of(lattice)
        cells = checked_spins(lattice.split(x) if copies > 1 else x, block)
        self.neighbours = tuple(shell.offsets.shape[1] for shell in block.shells(shells))
        stencil, steps, half = spin_stencil(block, self.neighbours)
        rows = max(1, _ROWS // (2 * half * copies)) * copies
        parts = []
        for first in range(0, len(cells), rows):
            counts = count_codes(stencil, steps, half, cells[first : first + rows])
            parts.append(counts.reshape(-1, copies, 2 * half).sum(axis=1) / (copies * block.n_sites))
        frequency = np.concatenate(parts)
        used = np.flatnonzero(frequency.any(axis=0))
        own, means = (table[used] for table in spin_codes(self.neighbours))
        self._inputs = torch.cat([own, means], dim=1)
        self._frequency = torch.from_numpy(np.ascontiguousarray(frequency[:, used]))
        self.product_means = self._frequency @ torch.cat([own, own * means], dim=1)
        near = int(np.prod([z + 1 for z in self.neighbours[:2]]))
        _, place = np.unique(used % half % near, return_inverse=True)
        member = torch.zeros(len(used), place.max() + 1, dtype=torch.float64)
        member[torch.arange(len(used)), torch.from_numpy(place)] = 1.0
        self.all = self._frequency @ member
        self.up = (self._frequency * (own[:, 0] > 0)) @ member

    def __len__(self) -> int:
        return len(self._frequency)

    def means(self, network: LocalNetwork) -> Tensor:
        """(N,) means over the sites of a local network."""
        return self._frequency @ network.of_means(self._inputs)


class FieldData:
    """Snapshots of fields as the neighbourhoods of some of their sites, the same number in each snapshot.

    Attributes:
        neighbours: numbers of neighbours in the shells.
        n_fields: numbers on a site.
        own: (N, m, c) what the sites hold.
        around: (N, m, 2 c) means of their first two shells (c with one shell).
        product_means: (N, c (1 + S)) means over all sites of `products`.
    """

    def __init__(
        self, x: NDArray[np.float64], lattice: Any, shells: int, most_sites: int, *, rng: np.random.Generator
    ) -> None:
        block, copies = cells_of(lattice)
        states = np.asarray(x, dtype=float)
        if states.ndim != 3 or states.shape[1] != lattice.n_sites or not np.isfinite(states).all():
            raise ValueError(f"fields must be finite and (batch, {lattice.n_sites}, n_fields), got {states.shape}")
        n, n_sites, self.n_fields = states.shape
        self.neighbours = tuple(shell.offsets.shape[1] for shell in block.shells(shells))
        inside = block.neighbours(closure_offsets(block, self.neighbours))
        table = np.concatenate([inside + k * block.n_sites for k in range(copies)])
        every = np.arange(n_sites)
        self.product_means = torch.stack(
            [products(torch.from_numpy(s), torch.from_numpy(s[table]), self.neighbours).mean(dim=0) for s in states]
        )
        m = min(n_sites, max(1, most_sites // n))
        sites = np.stack([every if m == n_sites else rng.choice(n_sites, m, replace=False) for _ in range(n)])
        row = np.arange(n)[:, None]
        self.own = torch.from_numpy(states[row, sites])
        self._near = torch.from_numpy(states[row[..., None], table[sites]])
        shells_seen = self._near.split(self.neighbours, dim=2)[:2]
        self.around = torch.cat([part.mean(dim=2) for part in shells_seen], dim=-1)

    def __len__(self) -> int:
        return len(self.own)

    def means(self, network: LocalNetwork) -> Tensor:
        """(N,) means over the chosen sites of a local network."""
        return network(self.own, self._near).mean(dim=1)


def snapshots(
    x: NDArray[Any], lattice: Any, shells: int, most_sites: int, *, rng: np.random.Generator
) -> SpinData | FieldData:
    """Data of spins (batch, n_sites) or fields (batch, n_sites, n_fields)."""
    if np.ndim(x) == 3:
        return FieldData(x, lattice, shells, most_sites, rng=rng)
    return SpinData(x, lattice, shells)
