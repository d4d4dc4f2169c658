"""PredatorPreyODE: prey and predators in cells of a chain, without noise, as an ordinary differential equation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.checks import bound_of_memory, choice_of, generator_of
from asemacro.arguments.door import above_zero, array, checked, number, whole
from asemacro.force_data import Layout
from asemacro.micro.force_system import ForceSystem
from asemacro.typing import Floats


class PredatorPreyODE(ForceSystem):
    r"""Prey u and predators v in the n cells of a chain; a state is (batch, 2 n): all u, then all v.

    du_i/dt = u_i (1 - u_i - v_i) + D_u (u_{i-1} - 2 u_i + u_{i+1}),
    dv_i/dt = a v_i (u_i - b)     + D_v (v_{i-1} - 2 v_i + v_{i+1}),

    with no flux through the ends (an end has no neighbour beyond it). Lengths do not enter, as in the published runs
    (Chen and Li 2024): twice the cells are twice the domain. A carrier is one of the 2 n numbers.

    Args:
        n_cells: n.
        a: rate of the predators.
        b: prey at which predators neither grow nor die.
        D: (D_u, D_v) over the square of a cell's width, one over time.
        time_step: longest step.
        scheme: "euler" as in the published training runs, or "rk4" as in the test runs.

    Raises:
        ValueError: numbers out of range, an unknown scheme, or Euler steps beyond the stability of diffusion.
    """

    @checked(n_cells=whole(2, 2**24), a=above_zero, b=number(), D=array(2), time_step=above_zero)
    def __init__(
        self,
        n_cells: int = 50,
        a: float = 3.0,
        b: float = 0.4,
        D: tuple[float, float] = (0.0, 1.0),
        time_step: float = 0.01,
        scheme: str = "euler",
    ) -> None:
        self.layout = Layout(2 * n_cells)
        self.n_cells, self.a, self.b, self.time_step = n_cells, a, b, time_step
        self.D = (float(D[0]), float(D[1]))
        self.scheme = choice_of(scheme, "scheme", ("euler", "rk4"))
        if min(self.D) < 0:
            raise ValueError(f"D must not be negative, got {self.D}")
        limit = {"euler": 2.0, "rk4": 2.785}[scheme]  # of the real axis in the domain of stability
        if 4 * max(self.D) * time_step > limit:
            raise ValueError(
                f"steps of {time_step:g} are unstable for diffusion {max(self.D):g}; take at most "
                f"{limit / (4 * max(self.D)):.3g}"
            )

    def forces(self, x: NDArray[Any], active: NDArray[np.integer] | None = None) -> Floats:
        """f(x) (batch, 2 n), or its components (batch, m) of the carriers `active` (batch, m)."""
        x = self.checked_states(x)
        n = self.n_cells
        if active is None:
            return np.concatenate(self._rates(*self._all_cells(x)), axis=1)
        places = self.checked_active(active, len(x))
        cell, prey = places % n, places < n
        rows = np.arange(len(x))[:, None]

        def fields(at: NDArray[np.int64]) -> tuple[Floats, Floats]:
            return x[rows, at], x[rows, at + n]

        du, dv = self._rates(fields(cell), fields(np.maximum(cell - 1, 0)), fields(np.minimum(cell + 1, n - 1)))
        return np.where(prey, du, dv)

    def _all_cells(self, x: Floats) -> list[tuple[Floats, Floats]]:
        """Fields of every cell, of the cell before it and of the cell behind it."""
        own = x.reshape(len(x), 2, self.n_cells)
        before, behind = (np.concatenate(parts, axis=2) for parts in (
            (own[..., :1], own[..., :-1]), (own[..., 1:], own[..., -1:]),
        ))  # fmt: skip
        return [(fields[:, 0], fields[:, 1]) for fields in (own, before, behind)]

    def _rates(
        self, own: tuple[Floats, Floats], before: tuple[Floats, Floats], behind: tuple[Floats, Floats]
    ) -> tuple[Floats, Floats]:
        """du/dt and dv/dt of cells from the fields in them and in their neighbours."""
        u, v = own
        lap = [before[f] - 2 * own[f] + behind[f] for f in (0, 1)]
        return u * (1 - u - v) + self.D[0] * lap[0], self.a * v * (u - self.b) + self.D[1] * lap[1]

    def advanced(self, x: Floats, step: float) -> Floats:
        """States after one step of the scheme."""
        return x + step * self.forces(x) if self.scheme == "euler" else super().advanced(x, step)

    @checked(n=whole(1), rng=generator_of)
    def initial(self, n: int, *, rng: np.random.Generator) -> Floats:
        """Published starts (n, 2 n_cells): u = b0 + a0 cos(5 pi x), v = 1 - u, a0 ~ U(0, 0.2), b0 ~ U(0.4, 0.6).

        x in (0, 1) at the centres of the cells.
        """
        bound_of_memory(48.0 * n * self.n_cells, f"{n} starts")
        amplitude, mean = rng.uniform(0.0, 0.2, (n, 1)), rng.uniform(0.4, 0.6, (n, 1))
        u = mean + amplitude * np.cos(5 * np.pi * (np.arange(self.n_cells) + 0.5) / self.n_cells)
        return np.concatenate([u, 1 - u], axis=1)
