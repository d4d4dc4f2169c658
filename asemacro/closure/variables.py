"""Closure variables: learned intensive observables, means over sites of a local network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from asemacro.arguments.door import CRYSTAL, SITES, STATES, checked
from asemacro.closure.kernels import affected_sites, table_changes, table_sums
from asemacro.closure.network import LocalNetwork, code_steps, products, spin_codes
from asemacro.lattice.neighbour_tables import Stencil, stencil_of
from asemacro.observables.base import Observable
from asemacro.observables.state_change import events_of
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

_ROWS = 1 << 15  # sites with their neighbours that go through a network at a time


class Closure(Observable):
    r"""phi_hat(x) = b + 1/n sum_i (A f_i + B p_i): an observable like any other, `phi(x, lattice) -> (batch, dim)`.

    f_i are the values of `LocalNetwork`s at site i and its first shells, p_i what the site holds and its products with
    the means of its shells (`closure_network.products`). A, B, b normalise: over the snapshots of the fit each variable
    has mean 0, variance 1, and no linear part on z* and on the variables before it. The mean over sites of something
    local is the same for a state and for copies of it side by side, and changes only near the sites that change.

    Args:
        networks: one for each variable, all of one shape.
        mix: (d, d) A.
        skip: (d, F) B.
        offset: (d,) b.
        notes: JSON-ready facts kept with it (how it was fitted).

    Attributes:
        labels: "closure_1", ...

    Raises:
        ValueError: parts that do not fit together.
    """

    def __init__(
        self,
        networks: Sequence[LocalNetwork],
        mix: ArrayLike,
        skip: ArrayLike,
        offset: ArrayLike,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        if not networks or len({str(network.settings) for network in networks}) > 1:
            raise ValueError("a closure needs at least one network, all of one shape")
        self.networks = tuple(networks)
        self.n_fields = networks[0].n_fields
        self.neighbours = networks[0].neighbours
        self.labels = tuple(f"closure_{k + 1}" for k in range(len(networks)))
        self.notes = dict(notes or {})
        self.mix, self.skip, self.offset = (torch.tensor(np.asarray(a, dtype=float)) for a in (mix, skip, offset))
        n_products = max(1, self.n_fields) * (1 + len(self.neighbours))
        shapes = {"mix": (self.dim, self.dim), "skip": (self.dim, n_products), "offset": (self.dim,)}
        for (name, shape), value in zip(shapes.items(), (self.mix, self.skip, self.offset), strict=True):
            if value.shape != shape:
                raise ValueError(f"{name} has shape {tuple(value.shape)}, expected {shape}")

    @abstractmethod
    def __call__(self, x: NDArray[Any], lattice: Any) -> Floats:
        """Values of states x (batch, n_sites[, n_fields]): (batch, dim)."""

    @abstractmethod
    def changes(self, x0: NDArray[Any], lattice: Any, sites: NDArray[np.integer], values: NDArray[Any]) -> Floats:
        """The change by each of several events, (batch, n_events, dim), from what lies near the changed sites alone;
        see `Observable.changes`.
        """

    def local(self, own: Tensor, near: Tensor) -> Tensor:
        """A f_i + B p_i + b of sites, (..., dim), differentiable.

        Args:
            own: (..., c) what a site holds, c = 1 for spins.
            near: (..., Z, c) what its neighbours hold, shell after shell.
        """
        f = torch.stack([network(own, near) for network in self.networks], dim=-1)
        return f @ self.mix.T + products(own, near, self.neighbours) @ self.skip.T + self.offset

    def offsets(self, lattice: Any) -> NDArray[np.int64]:
        """(n_basis, Z, 4) offsets of the neighbours, shell after shell.

        Raises:
            ValueError: a lattice whose shells have other numbers of neighbours than those it was fitted on.
        """
        return closure_offsets(lattice, self.neighbours)


def closure_offsets(lattice: Any, neighbours: Sequence[int]) -> NDArray[np.int64]:
    """(n_basis, Z, 4) offsets of the first shells, which must have these numbers of neighbours."""
    found = [shell.offsets for shell in lattice.shells(len(neighbours))]
    counts = tuple(offsets.shape[1] for offsets in found)
    if counts != tuple(neighbours):
        raise ValueError(
            f"the closure belongs to a lattice with {', '.join(map(str, neighbours))} neighbours in its shells, "
            f"not to one with {', '.join(map(str, counts))}"
        )
    return np.concatenate(found, axis=1)


class SpinClosure(Closure):
    """Closure variables of spins +-1: f and p depend on a spin and the numbers of up spins in its shells, so their sum
    is tabulated over these codes and every later evaluation is a look-up; arguments as of `Closure`.
    """

    @one_thread()
    def __init__(
        self,
        networks: Sequence[LocalNetwork],
        mix: ArrayLike,
        skip: ArrayLike,
        offset: ArrayLike,
        notes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(networks, mix, skip, offset, notes)
        own, means = spin_codes(self.neighbours)
        with torch.no_grad():
            inputs = torch.cat([own, means], dim=1)
            parts = inputs.split(_ROWS)
            f = torch.stack([torch.cat([network.of_means(part) for part in parts]) for network in networks], dim=1)
            p = torch.cat([own, own * means], dim=1)
            self.table = (f @ self.mix.T + p @ self.skip.T + self.offset).numpy()

    @checked(x=SITES, lattice=CRYSTAL)
    def __call__(self, x: NDArray[np.int8], lattice: Any) -> Floats:
        """Values of states x (batch, n_sites) or (n_sites,) of -1 and 1; (batch, dim).

        Raises:
            ValueError: another number of sites, values that are not -1 and 1, or another lattice than that of the fit.
        """
        x = checked_spins(x, lattice)
        return table_sums(*spin_stencil(lattice, self.neighbours), self.table, x) / lattice.n_sites

    @checked(x0=SITES, lattice=CRYSTAL, sites=SITES, values=SITES)
    def changes(
        self, x0: NDArray[np.int8], lattice: Any, sites: NDArray[np.integer], values: NDArray[np.int8]
    ) -> Floats:
        """The change by each of several events; see `Closure.changes`."""
        x0 = checked_spins(x0, lattice)
        sites, values = events_of(x0, lattice.n_sites, sites, values)
        values = np.ascontiguousarray(values, dtype=np.int8)
        if values.shape != sites.shape or (sites.size and (np.abs(values[sites >= 0]) != 1).any()):
            raise ValueError(f"{values.shape} values for {sites.shape} sites, each must be -1 or 1")
        sums = table_changes(*spin_stencil(lattice, self.neighbours), self.table, x0, sites, values)
        if np.isnan(sums).any():
            raise ValueError("a site is given two values in one change of state")
        return sums / lattice.n_sites


class FieldClosure(Closure):
    """Closure variables of fields, states (batch, n_sites, n_fields) float64; arguments as of `Closure`."""

    @checked(x=STATES, lattice=CRYSTAL)
    @one_thread()
    def __call__(self, x: Floats, lattice: Any) -> Floats:
        """Values of states x (batch, n_sites, n_fields) or (n_sites, n_fields); (batch, dim).

        Raises:
            ValueError: another number of sites or fields, or another lattice than that of the fit.
        """
        x = self._states(x, lattice)
        every = np.broadcast_to(np.arange(lattice.n_sites), x.shape[:2])
        return self._sums(x, np.arange(len(x)), every, self._table(lattice), lattice.n_sites) / lattice.n_sites

    @checked(x0=STATES, lattice=CRYSTAL, sites=SITES, values=STATES)
    @one_thread()
    def changes(self, x0: Floats, lattice: Any, sites: NDArray[np.integer], values: Floats) -> Floats:
        """The change by each of several events; see `Closure.changes`."""
        x0 = self._states(x0, lattice)
        sites, values = events_of(x0, lattice.n_sites, sites, values)
        batch, n_events, m = sites.shape
        after = np.asarray(values, dtype=float).reshape(batch * n_events, m, x0.shape[2])
        row, flat, table = np.repeat(np.arange(batch), n_events), sites.reshape(-1, m), self._table(lattice)
        ordered = np.sort(flat, axis=1)
        if ((np.diff(ordered, axis=1) == 0) & (ordered[:, 1:] >= 0)).any():
            raise ValueError("a site is given two values in one change of state")
        out = np.zeros((batch * n_events, self.dim))
        step = max(1, _ROWS // lattice.n_sites)
        for first in range(0, len(flat), step):  # whole states of a few events at a time, their affected sites only
            part = slice(first, first + step)
            near = affected_sites(table, flat[part])
            before = x0[row[part]]
            moved = before.copy()
            event, place = np.nonzero(flat[part] >= 0)
            moved[event, flat[part][event, place]] = after[part][event, place]
            each = np.arange(len(near))
            out[part] = self._sums(moved, each, near, table, lattice.n_sites)
            out[part] -= self._sums(before, each, near, table, lattice.n_sites)
        return out.reshape(batch, n_events, self.dim) / lattice.n_sites

    @torch.no_grad()
    def _sums(
        self, x: Floats, row: NDArray[np.int64], sites: NDArray[np.int64], table: NDArray[np.int64], n: int
    ) -> Floats:
        """Sums of `local` over sites (rows, m) of the states x[row]; negative sites are ignored."""
        out = np.zeros((len(row), self.dim))
        owner, place = np.nonzero(sites >= 0)
        where = sites[owner, place]
        for first in range(0, len(owner), _ROWS):
            part = slice(first, first + _ROWS)
            state, here = row[owner[part]], where[part]
            own = torch.from_numpy(x[state, here])
            near = torch.from_numpy(x[state[:, None], table[here]])
            np.add.at(out, owner[part], self.local(own, near).numpy())
        return out

    def _table(self, lattice: Any) -> NDArray[np.int64]:
        return lattice.neighbours(self.offsets(lattice))

    def _states(self, x: Floats, lattice: Any) -> Floats:
        x = np.asarray(x, dtype=float)
        x = x[None] if x.ndim == 2 else x
        expected = (lattice.n_sites, self.n_fields)
        if x.ndim != 3 or x.shape[1:] != expected:
            raise ValueError(f"fields have shape {x.shape}, expected (batch, {expected[0]}, {expected[1]})")
        return x


def closure_of(
    networks: Sequence[LocalNetwork],
    mix: ArrayLike,
    skip: ArrayLike,
    offset: ArrayLike,
    notes: Mapping[str, Any] | None = None,
) -> Closure:
    """The closure of spins or fields, as the networks are; arguments as of `Closure`."""
    kind = FieldClosure if networks and networks[0].n_fields else SpinClosure
    return kind(networks, mix, skip, offset, notes)


def spin_stencil(lattice: Any, neighbours: Sequence[int]) -> tuple[Stencil, NDArray[np.int64], int]:
    """Neighbours, what each adds to a code, and the number of codes of a down spin, as `closure_kernels` take them.

    Raises:
        ValueError: a lattice with other shells, or so many neighbours that their states cannot be tabulated.
    """
    closure_offsets(lattice, neighbours)
    *steps, half = code_steps(neighbours)
    stencil = stencil_of(lattice, tuple(float(step) for step in steps))
    return stencil, stencil.weights.astype(np.int64), half


def checked_spins(x: NDArray[np.int8], lattice: Any) -> NDArray[np.int8]:
    """States as a contiguous (batch, n_sites) array of -1 and 1."""
    x = np.ascontiguousarray(np.atleast_2d(x), dtype=np.int8)
    if x.ndim != 2 or x.shape[1] != lattice.n_sites:
        raise ValueError(f"spins have shape {x.shape}, expected (batch, {lattice.n_sites})")
    if x.size and (x.min() < -1 or x.max() > 1 or not x.all()):
        raise ValueError("spins must be -1 or 1")
    return x
