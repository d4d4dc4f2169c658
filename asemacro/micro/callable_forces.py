"""CallableForces: an ordinary differential equation of your own, as a function of states and places in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.answers import answer, real_numbers
from asemacro.arguments.door import above_zero, checked, function, whole
from asemacro.force_data import Layout
from asemacro.micro.force_system import ForceSystem
from asemacro.typing import Floats

_CALLED = "the function of CallableForces"


class CallableForces(ForceSystem):
    """dx/dt = f(x) of your own: `function(x, places)` gives the components of f that are asked for, and only those.

        def chain(x, places):  # a relaxing chain with fixed ends
            padded = np.pad(x, ((0, 0), (1, 1)))
            rows = np.arange(len(x))[:, None]
            return padded[rows, places] - 2 * padded[rows, places + 1] + padded[rows, places + 2]

        system = CallableForces(chain, n_carriers=1000, time_step=0.1)

    Args:
        function: called with states x (batch, N), not to be edited, and places (batch, q) in them; gives the components
            of f there, (batch, q). Its cost should grow with q, not with N.
        n_carriers: things that are drawn as a whole.
        components: k, numbers of each; x lists them carrier after carrier, N = k n_carriers.
        time_step: longest RK4 step of `states_at`.
    """

    @checked(function=function, n_carriers=whole(1, 2**40), components=whole(1, 2**20), time_step=above_zero)
    def __init__(
        self,
        function: Callable[[Floats, NDArray[np.int64]], Any],
        n_carriers: int,
        components: int = 1,
        *,
        time_step: float = 0.01,
    ) -> None:
        self.layout = Layout(n_carriers, width=components)
        self.time_step = time_step
        self._function = function

    def forces(self, x: NDArray[Any], active: NDArray[np.integer] | None = None) -> Floats:
        """What the function gives, (batch, N) or (batch, m k) of the carriers `active` (batch, m).

        Raises:
            ValueError: it fails, or gives another shape, complex numbers, nan or inf.
        """
        x = self.checked_states(x)
        if active is None:
            places = np.tile(np.arange(self.n_components), (len(x), 1))
        else:
            places = self.components(self.checked_active(active, len(x)))
        f = real_numbers(answer(_CALLED, self._function, x, places), _CALLED)
        if f.shape != places.shape:
            raise ValueError(f"the function gives an array of the shape {f.shape} for places {places.shape}")
        if not np.isfinite(f).all():
            raise ValueError("the function gives forces that are not finite")
        return f
