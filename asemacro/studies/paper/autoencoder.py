"""The closure variables of arXiv 2511.12842, for comparison: a patch autoencoder that must reconstruct the state.

phi_hat(x) = mean over the patches I of x of E(x_I), E a network that sees a patch of n_s spins in their order; a
decoder D makes n numbers of z = (z*, phi_hat) that shall be the spins of x, in the mean square. The mean over patches
knows no positions, and of all states with the same z the best D(z) is the mean: in a system without preferred places it
is M on every site, whatever phi_hat is.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asemacro.macro.drift import linear, reset_layers, run_layers, tanh_layers
from asemacro.micro.blocks import observe
from asemacro.observables.base import Observable
from asemacro.tasks.descent import descend
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

_BATCH = 128
_ROWS = 512  # states encoded at a time


class PatchAutoencoder(Observable):
    """An observable of spins on a square lattice whose sides are multiples of that of the patch.

    Args:
        patch: side of a patch.
        dim: number of variables.
        n_star: number of given variables z*.
        n_sites: sites of the states that the decoder makes.
        width: of both hidden layers of encoder and decoder.
    """

    def __init__(self, patch: int, dim: int, n_star: int, n_sites: int, width: int = 64) -> None:
        self.patch = patch
        self.labels = tuple(f"autoencoder_{k + 1}" for k in range(dim))
        self.encoder = tanh_layers([patch * patch, width, width, dim])
        self.decoder = tanh_layers([n_star + dim, width, width, n_sites])
        self.centre, self.scale = np.zeros(dim), np.ones(dim)

    @torch.no_grad()
    @one_thread()
    def __call__(self, x: NDArray[np.int8], lattice: Any) -> Floats:
        """Normalised values of states (batch, n_sites), (batch, dim).

        Raises:
            ValueError: a lattice that patches do not tile.
        """
        parts = [self.encode(x[i : i + _ROWS], lattice).double().numpy() for i in range(0, len(x), _ROWS)]
        return (np.concatenate(parts) - self.centre) / self.scale

    def encode(self, x: NDArray[np.int8], lattice: Any) -> Tensor:
        """(batch, dim) means of the encoder over the patches."""
        return run_layers(self.encoder, self._patches(x, lattice)).mean(dim=1)

    @torch.no_grad()
    @one_thread()
    def changes(
        self, x0: NDArray[np.int8], lattice: Any, sites: NDArray[np.integer], values: NDArray[np.int8]
    ) -> Floats:
        """The change by flips of single spins, sites and values (batch, n_events, 1): one patch is encoded anew.

        Returns:
            (batch, n_events, dim).

        Raises:
            ValueError: events of several spins.
        """
        if sites.shape[2] != 1:
            raise ValueError(f"the autoencoder follows events of one spin, not of {sites.shape[2]}")
        row, column = np.divmod(sites[..., 0], lattice.shape[1])
        patch = row // self.patch * (lattice.shape[1] // self.patch) + column // self.patch
        place = row % self.patch * self.patch + column % self.patch
        first = linear(self.encoder)[0]
        out = np.empty((*sites.shape[:2], self.dim))
        for k, state in enumerate(x0):
            patches = self._patches(state[None], lattice)[0]
            hidden = first(patches)
            step = torch.from_numpy(values[k, :, 0] - state[sites[k, :, 0]]).to(hidden.dtype)
            moved = hidden[patch[k]] + step[:, None] * first.weight.T[place[k]]
            before, after = (run_layers(self.encoder[1:], torch.tanh(h)) for h in (hidden, moved))
            out[k] = (after - before[patch[k]]).numpy() / len(patches)
        return out / self.scale

    def _patches(self, x: NDArray[np.int8], lattice: Any) -> Tensor:
        """(batch, patches, sites of a patch) in the precision of the encoder."""
        a, b, c = lattice.shape
        if lattice.n_basis * c != 1 or a % self.patch or b % self.patch:
            raise ValueError(f"patches of {self.patch} x {self.patch} spins do not tile a lattice of {lattice.shape}")
        grid = torch.from_numpy(x).to(next(self.encoder.parameters()).dtype)
        grid = grid.reshape(len(x), a // self.patch, self.patch, b // self.patch, self.patch)
        return grid.transpose(2, 3).reshape(len(x), -1, self.patch * self.patch)


@one_thread()
def fit_autoencoder(
    x: NDArray[np.int8],
    lattice: Any,
    z_star: Observable,
    dim: int = 1,
    *,
    patch: int = 16,
    epochs: int = 40,
    validation: float = 0.1,
    rng: np.random.Generator,
) -> tuple[PatchAutoencoder, tuple[float, float]]:
    """Train encoder and decoder together: Adam, learning rate 1e-3 falling to 0 along a half cosine.

    Args:
        x: (N, n_sites) states.
        lattice: theirs.
        z_star: the given observables.
        dim: number of variables.
        patch: side of a patch.
        epochs: passes over the states.
        validation: fraction of the states that is held out.
        rng: source of randomness.

    Returns:
        The variables, normalised to mean 0 and variance 1 over x, and the held-out mean square errors (for each spin)
        of the reconstruction and of putting M on every site.
    """
    z = observe(z_star, x, lattice)
    given = torch.from_numpy((z - z.mean(axis=0)) / z.std(axis=0)).float()
    model = PatchAutoencoder(patch, dim, z.shape[1], lattice.n_sites)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    for layers in (model.encoder, model.decoder):
        reset_layers(layers, generator, 1.0)
    order = rng.permutation(len(x))
    held, learn = np.split(order, [round(validation * len(x))])
    parameters = [*model.encoder.parameters(), *model.decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-3)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)

    def error(rows: NDArray[np.integer]) -> Tensor:
        made = run_layers(model.decoder, torch.cat([given[rows], model.encode(x[rows], lattice)], dim=1))
        return (made - torch.from_numpy(x[rows]).float()).square().mean()

    starts = range(_BATCH, len(learn), _BATCH)
    steps = itertools.count(1)

    def stepped() -> None:
        if next(steps) % (len(starts) + 1) == 0:
            plan.step()

    descend(
        lambda rows: (error(rows), float(len(rows))),
        lambda: np.split(rng.permutation(learn), starts),
        optimiser,
        epochs=epochs,
        stepped=stepped,
    )
    with torch.no_grad():
        reached = float(error(held))
    mean = x[held].mean(axis=1, dtype=float)
    model.encoder.double()  # its changes by single flips are small differences
    values = model(x, lattice)
    model.centre, model.scale = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-12)
    return model, (reached, float(1 - (mean**2).mean()))
