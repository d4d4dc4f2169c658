"""The Kac-Ising model: spins with very many, weakly coupled neighbours."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import expit

from asemacro.arguments.checks import bound_of_memory, generator_of, times_of
from asemacro.arguments.door import CRYSTAL, above_zero, checked, number, real, whole
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import spins_at
from asemacro.micro.spins.glauber import Glauber
from asemacro.micro.spins.kac_convolution import SLAB_SITES, Convolution
from asemacro.micro.spins.kac_coupling import SHORT_SUM, KacCoupling, coupling_of, whole_numbers
from asemacro.micro.spins.kac_kernel import Rows, flip_by_fields, flip_window
from asemacro.micro.spins.kac_strips import Strips
from asemacro.micro.spins.streams import new_streams, threshold
from asemacro.observables.blocks import block_edges
from asemacro.tasks.patience import Patience
from asemacro.typing import Floats, Spins

PATIENCE = 1 << 23
"""Most work inside one call of a compiled loop, in attempts, so that Ctrl-C answers."""
_WINDOW_SITES = 1 << 22  # spins that a compiled loop looks at in one call
_MOST_WINDOWS = 10**9
_LONGEST_WINDOW = 4.0
_CERTAIN, _MOST_ATTEMPTS = 2.0**-66, 64  # less likely numbers of attempts in a window are not drawn


class KacIsing(Glauber):
    r"""H = -1/2 sum over i != j of J(i - j) s_i s_j - h sum_i s_i on a periodic chain, square or cubic lattice.

    With the local field f_i = sum_j J(i - j) s_j spin i flips at the rate 1 / (1 + exp(beta dH_i)), dH_i =
    2 s_i (f_i + h), which is (1 - s_i tanh beta (f_i + h)) / 2; see `Glauber`. J0 = sum_r J(r) is the unit of energy
    unless you say otherwise: the mean-field critical temperature is J0, that of a finite range lies below.

    Local fields are kept and changed with every flip, which costs a step for each J that is not 0. They are whole
    numbers, so they never drift: J is rounded to a part in 10^9 of the sum of |J|, and not at all if all J are equal.
    A spin takes one byte, its local field 2 (equal J, up to 32767 of them) or 4.

    Args:
        lattice: where the spins live; its species do not matter.
        coupling: `top_hat`, `gaussian`, or an array with J(0) = 0 in its middle.
        temperature: T in units of J0, > 0; infinite for independent spins.
        field: h.

    Raises:
        ValueError: a lattice of another kind, a coupling that is longer than half of it, a temperature that is not
            positive, a field that is not finite.
    """

    block_component = 0

    @checked(lattice=CRYSTAL, coupling=coupling_of, temperature=real, field=number())
    def __init__(
        self, lattice: Lattice, coupling: KacCoupling | ArrayLike, temperature: float, field: float = 0.0
    ) -> None:
        super().__init__(lattice, temperature, field)
        self._coupling = coupling_of(coupling)
        self._grid = _grid_of(lattice, self._coupling)
        weights, self._unit = whole_numbers(self._coupling.table(len(self._grid)))
        self._integer = np.int16 if abs(weights).sum(dtype=np.int64) <= SHORT_SUM else np.int32
        self._kernel_table = self._unit * weights.astype(float)
        self._convolution = Convolution(self._grid, weights)
        beta = 1 / self._temperature
        self._strips = Strips(_three(self._grid))
        self._kernel = self._strips.kernel(
            weights.reshape(_three(weights.shape)), self._integer, 2 * beta * self._unit, 2 * beta * self._field
        )

    @property
    def coupling(self) -> KacCoupling:
        """What was asked for."""
        return self._coupling

    @property
    def kernel(self) -> Floats:
        """J as it is used, (2 reach + 1) along each axis of the lattice, J(0) = 0 in the middle."""
        return self._kernel_table.copy()

    @property
    def grid(self) -> tuple[int, ...]:
        """Sites along each axis of the lattice."""
        return self._grid

    @checked(temperature=real)
    def at(self, temperature: float) -> KacIsing:
        """The same coupling and field at another temperature."""
        return KacIsing(self._lattice, self._coupling, temperature, self._field)

    def on(self, lattice: Lattice) -> KacIsing:
        """The same coupling, temperature and field on another lattice (a larger box)."""
        return KacIsing(lattice, self._coupling, self._temperature, self._field)

    @property
    def block_field(self) -> float:
        """The field h."""
        return self._field

    def independent(self, m: NDArray[np.floating[Any]], *, rng: np.random.Generator) -> Spins:
        """States of independent spins with given local magnetisations (batch, n_sites); see `spins_at`."""
        return spins_at(m, rng=rng)

    def local_fields(self, x: Spins) -> Floats:
        """f_i of all spins of states (batch, n_sites): (batch, n_sites)."""
        return self._unit * self._sums(self.checked(x)).astype(float)

    def energy(self, x: Spins) -> Floats:
        """Energies H of states (batch, n_sites): (batch,)."""
        x = self.checked(x)
        sums = self._sums(x)
        bonds = [int(np.dot(row.astype(np.int64), spins)) for row, spins in zip(sums, x, strict=True)]
        return -self._unit * np.array(bonds, dtype=float) / 2 - self._field * x.sum(axis=1, dtype=np.int64)

    @checked(block=whole(1), window=above_zero, rng=generator_of)
    def evolve_counting(
        self, x: Spins, duration: ArrayLike, block: int, *, window: float | None = None, rng: np.random.Generator
    ) -> tuple[Spins, NDArray[np.int64]]:
        """Advance states by a time and count the flips in each block of the lattice, back flips too.

        With a window the spins move synchronously: in each stretch of time of at most that length their local fields
        stay as they were at its beginning, and each spin does what it does exactly in that field: it is attempted
        Poisson(dt) times, so it changes with probability (1 - exp(-dt)) (1 - s tanh beta (f + h)) / 2. The error is of
        first order in dt; where correlations are weak the structure factor comes out 1 / (1 + beta Jhat(k)
        tanh(dt / 2)) times the right one. A window costs two Fourier transforms however long the coupling is: about 30
        ns a spin, where the exact dynamics takes 100 (256 x 256 spins, top hat of R = 8) to 1000 (2048 x 2048, R = 32)
        for a unit of time.

        Args:
            x: (batch, n_sites) states, not edited.
            duration: time, a scalar or (batch,).
            block: B, edge of the blocks in sites; it divides the lattice along each axis.
            window: longest time between two updates of the local fields; None for the exact dynamics.
            rng: source of randomness.

        Returns:
            The new states, and (batch, *blocks along each axis) flips.

        Raises:
            ValueError: blocks that do not divide the lattice, or as for `evolve`.
        """
        x = self.checked(x)
        edges = block_edges(self._lattice, block)
        times = times_of(duration, len(x))
        work = self._workspace(x, self._edges_of(edges))
        new = x.copy()
        if window is None:
            left = self._attempts(times, self._lattice.n_sites, rng)
            self._advance(new, None, left, (-self._lattice.n_sites - 1, self._lattice.n_sites + 1), work, rng)
        else:
            self._advance_in_windows(new, times, window, work, rng)
        return new, work.flips.reshape(len(x), *(n // block for n in self._grid))

    def _edges_of(self, edges: tuple[int, ...]) -> NDArray[np.int64]:
        """Edges of blocks along the three axes of the compiled loops."""
        own = tuple(edge for edge, repeated in zip(edges, self._lattice.pbc, strict=True) if repeated)
        return np.array(_three(own), dtype=np.int64)

    def _sums(self, x: Spins) -> NDArray[np.signedinteger]:
        """Local fields (batch, n_sites) in units of the weights."""
        out = np.empty(x.shape, dtype=self._integer)
        self._convolution.sums(x, out=out.reshape(len(x), *self._grid))
        return out

    def _rates_at(self, x: Spins, sites: NDArray[np.int64]) -> Floats:
        sums = np.take_along_axis(self._sums(x), sites, axis=1)
        spins = np.take_along_axis(x, sites, axis=1)
        return expit(-spins * (self._kernel.slope * sums + self._kernel.shift))

    def _workspace(self, x: Spins, edges: NDArray[np.int64] | None = None) -> _Work:
        edges = self._kernel.grid if edges is None else edges  # all in one block
        bound_of_memory(5.0 * self._integer().itemsize * min(x.size, max(SLAB_SITES, x.shape[1])), "local fields")
        blocks = int(np.prod(self._kernel.grid // edges))
        flips, seen = np.zeros((len(x), blocks), dtype=np.int64), np.zeros(x.shape[1], dtype=np.bool_)
        spins, as_grids = self._strips.empty(0, np.int8)
        return _Work(flips, 0, as_grids, Rows(spins, self._strips.empty(0, self._integer)[0], seen, edges, flips))

    def _run(
        self,
        x: Spins,
        active: NDArray[np.int64] | None,
        left: NDArray[np.int64],
        streams: NDArray[np.uint64],
        first: int,
        levels: tuple[int, int],
        work: _Work,
    ) -> int:
        if not work.begin <= first < work.begin + len(work.rows.spins):
            self._fill(work, x[first : first + max(1, SLAB_SITES // x.shape[1])], first)
        here = slice(work.begin, work.begin + len(work.rows.spins))
        places = np.zeros((len(work.rows.spins), 0), dtype=np.int64)
        if active is not None:
            places = self._strips.places(active[here])
        done = flip_by_fields(
            self._kernel, work.rows, places, active is None, left[here], streams[here], first - work.begin, levels,
            PATIENCE,
        )  # fmt: skip
        if done < 0:
            return done
        finished = work.as_grids[first - work.begin : done]
        x[first : work.begin + done].reshape(finished.shape)[...] = finished
        return work.begin + done

    def _fill(self, work: _Work, x: Spins, begin: int) -> None:
        """Put some states and their local fields into the workspace."""
        spins, work.as_grids = self._strips.empty(len(x), np.int8)
        work.as_grids[...] = x.reshape(work.as_grids.shape)
        fields, as_grids = self._strips.empty(len(x), self._integer)
        self._convolution.sums(x, out=as_grids if len(self._grid) == 3 else as_grids[:, 0])
        work.begin = begin
        work.rows = work.rows._replace(spins=spins, fields=fields, flips=work.flips[begin : begin + len(x)])

    def _advance_in_windows(
        self, x: Spins, times: Floats, window: float, work: _Work, rng: np.random.Generator
    ) -> None:
        """Advance states, which are edited, with local fields that change at the ends of windows only."""
        count = np.ceil(times.max(initial=0.0) / min(window, _LONGEST_WINDOW) * (1 - 1e-12))
        if count > _MOST_WINDOWS:
            raise ValueError(f"{count:.3g} windows of {window:g} are too many; take longer ones")
        n, size = x.shape[1], max(1, _WINDOW_SITES // x.shape[1])
        streams, attempts = new_streams(len(x), rng=rng), _attempts_in(times / max(count, 1))
        patience = Patience(f"the evolution of {len(x)} states of {n} spins in windows of {window:g}")
        tilt, done = (2 / self._temperature, self._kernel.shift), 0.0
        for first in range(0, len(x), size):
            rows = slice(first, min(first + size, len(x)))
            fields = np.empty((rows.stop - first, n), dtype=np.float32)
            for _ in range(int(count)):
                self._convolution.fields(x[rows], self._unit, out=fields.reshape(-1, *self._grid))
                for begin in range(0, n, _WINDOW_SITES):
                    span = (begin, min(begin + _WINDOW_SITES, n))
                    flip_window(
                        x[rows], fields, tilt, attempts[rows], streams[rows], span, self._kernel.grid, work.rows.edges,
                        work.flips[rows],
                    )  # fmt: skip
                    done += len(fields) * (span[1] - begin)
                    patience.done(done / (count * x.size))


@dataclasses.dataclass
class _Work:
    """What a run of several states keeps between calls of the compiled loop.

    Attributes:
        flips: (batch, n_blocks) counts of all states.
        begin: the first of the states that are at work.
        as_grids: their spins in the order of the lattice, a view.
        rows: the states at work.
    """

    flips: NDArray[np.int64]
    begin: int
    as_grids: NDArray[np.int8]
    rows: Rows


def _three(axes: tuple[int, ...]) -> tuple[int, int, int]:
    """Lengths along the axes of a lattice as those of three: a chain lies along the second, where strips are long."""
    first, second, third = {1: (1, *axes, 1), 2: (1, *axes), 3: axes}[len(axes)]
    return first, second, third


def _grid_of(lattice: Lattice, coupling: KacCoupling) -> tuple[int, ...]:
    """Sites along each axis of a lattice on which the coupling makes sense."""
    axes = [k for k, repeated in enumerate(lattice.pbc) if repeated]
    metric = (lattice.cell @ lattice.cell.T)[np.ix_(axes, axes)]
    if lattice.n_basis != 1 or any(lattice.open_axes) or not np.allclose(metric, metric[0, 0] * np.eye(len(axes))):
        raise ValueError(
            f"couplings of many sites need a periodic chain, square or cubic lattice of one site a cell, not a "
            f"{lattice.prototype} lattice of {lattice.n_basis} sites a cell"
        )
    if coupling.n_axes not in (None, len(axes)):
        raise ValueError(f"the coupling is a table of {coupling.n_axes} axes, the lattice has {len(axes)}")
    grid = tuple(lattice.shape[k] for k in axes)
    least = 2 * coupling.reach + 1
    for axis, n in zip(axes, grid, strict=True):
        if n < least:
            raise ValueError(
                f"a coupling that reaches {coupling.reach} sites is longer than half of the {n} sites along axis "
                f"{axis + 1}; take {least} sites or more there, or a shorter range"
            )
    return grid


def _attempts_in(dt: Floats) -> NDArray[np.uint64]:
    """Thresholds (batch, most) for the number of attempts on a spin in windows (batch,)."""
    counts = np.arange(_MOST_ATTEMPTS)
    possible = stats.poisson.sf(counts, dt.max(initial=0.0)) > _CERTAIN
    return threshold(stats.poisson.cdf(counts[possible], dt[:, None]))
