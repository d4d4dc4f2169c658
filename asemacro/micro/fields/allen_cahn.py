"""AllenCahn: interfaces that move by their curvature, on a square grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from asemacro.arguments.checks import bound_of_memory, generator_of, shown
from asemacro.arguments.door import above_zero, array, checked, whole
from asemacro.force_data import Layout
from asemacro.micro.fields.allen_cahn_kernel import rates_of, runge_kutta
from asemacro.micro.force_system import ForceSystem, finite_states, pauses_of, steps_of
from asemacro.tasks.patience import Patience
from asemacro.typing import Floats

_CELL_STEPS = 10**7  # in one call of the compiled loop: a fraction of a second
_STABLE = 2.785  # of RK4 on the real axis


class AllenCahn(ForceSystem):
    r"""A field v on n x n cells of the unit square, without flux through the edges; a state is (batch, n^2).

    v_t = Lap v + (v - v^3) / epsilon^2,

    Lap by five points over h^2, h = 1 / n, the cell itself standing for a neighbour beyond the edge. v falls to -1 and
    1; interfaces between them move by their curvature, in the limit of small epsilon with the velocity -1 / r of a
    circle of radius r: r^2 falls by 2 t. A carrier is a cell.

    Args:
        n: cells along an edge.
        epsilon: width of the interface; default 10 h / (2 sqrt(2) artanh 0.9), ten cells from -0.9 to 0.9.
        time_step: longest step of RK4; default 0.1 h^2 as in the published runs.

    Raises:
        ValueError: numbers out of range, or steps beyond the stability of the scheme.
    """

    @checked(n=whole(2, 2**15), epsilon=above_zero, time_step=above_zero)
    def __init__(self, n: int = 200, epsilon: float | None = None, time_step: float | None = None) -> None:
        self.layout = Layout(n * n)
        self.n = n
        self.epsilon = 10 / n / (2 * np.sqrt(2) * np.arctanh(0.9)) if epsilon is None else epsilon
        self.time_step = 0.1 / n**2 if time_step is None else time_step
        self._stiffness, self._depth = float(n) ** 2, self.epsilon**-2
        fastest = 8 * self._stiffness + 2 * self._depth
        if self.time_step * fastest > _STABLE:
            raise ValueError(f"steps of {self.time_step:g} are unstable; take at most {_STABLE / fastest:.3g}")

    def forces(self, x: NDArray[Any], active: NDArray[np.integer] | None = None) -> Floats:
        """v_t (batch, n^2), or of the cells `active` (batch, m) from their five points, (batch, m)."""
        x = self.checked_states(x)
        if active is None:
            cells = np.broadcast_to(np.arange(self.n_carriers), x.shape)
        else:
            cells = self.checked_active(active, len(x))
        out = np.empty(cells.shape)
        rates_of(x, cells, self.n, self._stiffness, self._depth, out)
        return out

    def states_at(
        self, x: NDArray[Any], times: ArrayLike, *, rng: np.random.Generator | None = None
    ) -> Iterator[Floats]:
        """States (batch, n^2) at times, by compiled steps of RK4; see `ForceSystem.states_at`.

        Of a field that is its own mirror image along both axes, as the published starts are, a quarter is computed:
        the edge of a quarter passes no flux, and the other three follow to the last bit.
        """
        now = self.checked_states(x).copy()
        pauses = pauses_of(times)
        patience = Patience(f"the Allen-Cahn equation on {self.n} x {self.n} cells until t = {pauses.sum():g}")
        for number, pause in enumerate(pauses):
            n_steps, step = steps_of(pause, self.time_step)
            for row, field in enumerate(now.reshape(-1, self.n, self.n)):
                part = _part_that_is_enough(field)
                most = max(1, _CELL_STEPS // part.size)
                for first in range(0, n_steps, most):
                    runge_kutta(part, min(most, n_steps - first), step, self._stiffness, self._depth)
                    patience.done((number + (row + min(1.0, (first + most) / n_steps)) / len(now)) / len(pauses))
                if part.size < field.size:
                    field[:] = np.pad(part, (0, self.n // 2), mode="symmetric")
            yield finite_states(now.copy(), self.time_step)

    def energy(self, x: NDArray[Any]) -> Floats:
        """(batch,) E = h^2 sum (v^2 - 1)^2 / (4 epsilon^2) + sum over neighbours of (v_i - v_j)^2 / 2.

        v_t = -grad E / h^2 exactly, so E never grows.
        """
        v = self.checked_states(x).reshape(-1, self.n, self.n)
        bulk = ((v**2 - 1) ** 2).sum(axis=(1, 2)) * self._depth / 4 / self._stiffness
        return bulk + sum((np.diff(v, axis=axis) ** 2).sum(axis=(1, 2)) for axis in (1, 2)) / 2

    @checked(outer=array(), inner=array())
    def rings(self, outer: ArrayLike, inner: ArrayLike) -> Floats:
        """States with v = 1 between two circles around the centre, -1 elsewhere: (batch, n^2).

        v = -1 + tanh((r1 - d) / (sqrt(2) epsilon)) - tanh((r2 - d) / (sqrt(2) epsilon)), d the distance from the
        centre.

        Args:
            outer: (batch,) radius r1.
            inner: (batch,) radius r2.
        """
        radii = [np.atleast_1d(r) for r in (outer, inner)]
        if any(r.ndim != 1 or not (r > 0).all() for r in radii) or len({len(r) for r in radii} - {1}) > 1:
            raise ValueError(
                f"radii must be numbers above 0, one for each state, got {shown(outer)} and {shown(inner)}"
            )
        bound_of_memory(32.0 * max(map(len, radii)) * self.n_carriers, f"{max(map(len, radii))} states")
        along = (2 * np.arange(self.n) + 1 - self.n) / (2 * self.n)  # mirror images of each other to the last bit
        distance = np.hypot(along[:, None], along).reshape(-1)
        width = np.sqrt(2) * self.epsilon
        steps = [np.tanh((r[:, None] - distance) / width) for r in radii]
        return steps[0] - steps[1] - 1

    @checked(n=whole(1), rng=generator_of)
    def initial(self, n: int, *, rng: np.random.Generator) -> Floats:
        """Published starts: n `rings` with r1 ~ U(0.30, 0.40) and r2 ~ U(0.10, 0.15)."""
        bound_of_memory(32.0 * n * self.n_carriers, f"{n} states")
        return self.rings(rng.uniform(0.30, 0.40, n), rng.uniform(0.10, 0.15, n))


def _part_that_is_enough(field: Floats) -> Floats:
    """A quarter of a field (n, n) that is its own mirror image along both axes, else the field itself.

    The quarter of two by two cells is one cell, with two edges on each axis: no part for the compiled loop.
    """
    half, odd = divmod(len(field), 2)
    if odd or half < 2 or not (np.array_equal(field, field[::-1]) and np.array_equal(field, field[:, ::-1])):
        return field
    return np.ascontiguousarray(field[:half, :half])
