"""What every macroscopic equation is: a drift in normalised variables, made physical by scales. Arrays only."""

from __future__ import annotations

import abc
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from asemacro.arguments.door import array, checked, real
from asemacro.macro.base import Drift, Part
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

_FARTHEST = 1e12  # spreads of the training states: beyond, single precision overflows
_GROUPS = 40  # more distinct conditions than this are grouped by quantiles before the time scale is measured


class Equation(nn.Module, abc.ABC):
    r"""What NeuralSDE and NeuralODE share: a drift network f, and the scales that give it units.

    With z = mean + scale y, theta = (1/T - m)/s and t = tau(T) t', the network gives dy = f(y, theta) dt', so
    dz/dt = scale f / tau. log tau(T) is a polynomial of at most second degree in theta, continued along its tangent
    outside the data (Arrhenius): decades of rate do not reach the network. Without a condition tau is one number.

    Args:
        drift: of dimension d.
        labels: names of the d variables; default none.
        other_parts: networks whose precision counts too.

    Raises:
        ValueError: labels that are not one for each variable.
    """

    word: ClassVar[str]
    """What messages call it."""
    z_mean: Tensor
    z_scale: Tensor
    condition_centre: Tensor
    condition_range: Tensor
    log_time: Tensor

    def __init__(self, drift: Drift, labels: Iterable[str] = (), other_parts: Iterable[Part] = ()) -> None:
        super().__init__()
        self.labels = tuple(labels)
        if self.labels and len(self.labels) != drift.dim:
            raise ValueError(f"{len(self.labels)} labels for {drift.dim} variables; give one label a variable")
        values = (value for part in (drift, *other_parts) for value in part.state_dict().values())
        self.dtype = next(value.dtype for value in values if value.is_floating_point())
        self.drift_network = drift
        self.dim, self.n_conditions = drift.dim, drift.n_conditions
        self.register_buffer("z_mean", torch.zeros(drift.dim, dtype=torch.float64))
        self.register_buffer("z_scale", torch.ones(drift.dim, dtype=torch.float64))
        self.register_buffer("condition_centre", torch.tensor([0.0, 1.0], dtype=torch.float64))
        self.register_buffer("condition_range", torch.tensor([-1.0, 1.0], dtype=torch.float64))
        self.register_buffer("log_time", torch.zeros(3, dtype=torch.float64))

    @property
    def settings(self) -> dict[str, Any]:
        """JSON-ready description from which a file builds the same model."""
        return {
            "drift_type": self.drift_network.kind or type(self.drift_network).__name__,
            "drift": self.drift_network.settings,
            "labels": list(self.labels),
        }

    @classmethod
    @abc.abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The untrained model of `settings`."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its networks."""
        return (self.drift_network,)

    # --- scales -----------------------------------------------------------------------------------------------

    @checked(condition=array())
    def theta(self, condition: ArrayLike | None, n: int) -> Tensor:
        """Normalised condition, (n, n_conditions) float64, from temperatures in K (scalar or (n,) or (n, 1)).

        Raises:
            ValueError: a temperature is missing, not wanted, not positive or not finite.
        """
        if self.n_conditions == 0:
            if condition is not None and np.size(condition):
                raise ValueError(f"this {self.word} has no condition; leave condition out")
            return torch.zeros(n, 0, dtype=torch.float64)
        if condition is None or np.size(condition) == 0:
            raise ValueError(f"this {self.word} needs a temperature; give condition in K")
        kelvin = np.asarray(condition, dtype=float).reshape(-1)
        if not (np.isfinite(kelvin).all() and (kelvin > 0).all()):
            raise ValueError(f"temperatures must be positive and finite, got {kelvin[~(kelvin > 0)][:1]}")
        inverse = torch.from_numpy(np.broadcast_to(1.0 / kelvin, (n,)).copy())
        return ((inverse - self.condition_centre[0]) / self.condition_centre[1]).unsqueeze(1)

    def log_tau(self, theta: Tensor) -> Tensor:
        """(N,) logarithm of tau at normalised conditions (N, n_conditions)."""
        if self.n_conditions == 0:
            return self.log_time[0].expand(len(theta))
        inside = theta[:, 0].clamp(self.condition_range[0], self.condition_range[1])
        a, b, c = self.log_time
        return a + b * inside + c * inside**2 + (b + 2 * c * inside) * (theta[:, 0] - inside)

    @checked(condition=array())
    def time_scale(self, condition: ArrayLike | None = None) -> Floats:
        """tau in seconds, one value a condition."""
        n = max(1, int(np.size(condition))) if condition is not None else 1
        return np.exp(self.log_tau(self.theta(condition, n)).numpy())

    def groups(self, condition: Floats, weight: Floats) -> tuple[list[NDArray[np.intp]], Floats]:
        """Rows of each temperature (or of neighbouring ones, if they are many), and its normalised value (G, 1)."""
        if self.n_conditions == 0:
            return [np.arange(len(weight))], np.zeros((1, 0))
        theta = self.theta(condition, len(weight))[:, 0].numpy()
        values, index = np.unique(theta, return_inverse=True)
        if len(values) > _GROUPS:
            index = np.digitize(theta, np.quantile(theta, np.linspace(0, 1, _GROUPS + 1)[1:-1]))
        rows = [np.flatnonzero((index == g) & (weight > 0)) for g in np.unique(index)]
        rows = [r for r in rows if len(r)]
        return rows, np.array([[np.average(theta[r], weights=weight[r])] for r in rows])

    def normalise(self, z: Floats, condition: Floats, weight: Floats, odd: Iterable[int] = ()) -> tuple[Floats, Floats]:
        """Set the normalisation of z (N, d) and T (N, n_conditions); gives the mean, 0 for `odd` variables, and scale.

        Raises:
            ValueError: a variable that does not vary.
        """
        mean = np.average(z, axis=0, weights=weight)
        mean[list(odd)] = 0.0
        scale = np.sqrt(np.average((z - mean) ** 2, axis=0, weights=weight))
        if not (np.isfinite(scale).all() and (scale > 0).all()):
            raise ValueError("a variable is the same in all the data; leave it out of z")
        self.z_mean, self.z_scale = torch.from_numpy(mean), torch.from_numpy(scale)
        if self.n_conditions:
            inverse = 1.0 / condition[:, 0]
            spread = inverse.std()
            self.condition_centre = torch.tensor([inverse.mean(), spread if spread > 0 else inverse.mean()])
            all_theta = self.theta(condition, len(z))
            self.condition_range = torch.tensor([float(all_theta.min()), float(all_theta.max())])
        return mean, scale

    def set_time_scale(self, place: Floats, log_tau: Floats, share: Floats) -> None:
        """Set log tau(T) from its values (G,) at normalised conditions (G, n_conditions) with shares of the data."""
        coefficients = np.zeros(3)
        if self.n_conditions and len(log_tau) > 1:
            root = np.sqrt(share / share.sum()).clip(0.1)
            degree = min(2, len(log_tau) - 1)
            coefficients[: degree + 1] = np.polynomial.polynomial.polyfit(place[:, 0], log_tau, degree, w=root)
        else:
            coefficients[0] = log_tau.mean()
        self.log_time = torch.from_numpy(coefficients)

    @checked(factor=real)
    def slow_down(self, factor: float) -> None:
        """Make everything happen `factor` times as slowly: drift and covariance rate are divided by it.

        The stationary law stays as it is. It is for models that know the law better than the clock: a projection that
        leaves out slow variables is too fast.

        Raises:
            ValueError: a factor that is not positive and finite.
        """
        if not (np.isfinite(factor) and factor > 0):
            raise ValueError(f"an {self.word} is slowed down by a positive, finite factor, got {factor}")
        self.log_time[0] += float(np.log(factor))

    # --- in physical units ----------------------------------------------------------------------------------------

    def _normalised(self, z: ArrayLike, condition: ArrayLike | None) -> tuple[Tensor, Tensor, Tensor]:
        z_tensor = torch.from_numpy(np.atleast_2d(np.asarray(z, dtype=float)).copy())
        if z_tensor.ndim != 2 or z_tensor.shape[1] != self.dim:
            raise ValueError(f"z has shape {tuple(np.shape(z))}, expected (n, {self.dim})")
        theta = self.theta(condition, len(z_tensor))
        y = ((z_tensor - self.z_mean) / self.z_scale).to(self.dtype)
        if not (y.abs() < _FARTHEST).all():
            raise ValueError(f"z = {float(z_tensor.abs().max()):g} is far beyond all states that a model can know")
        return y, theta.to(self.dtype), self.log_tau(theta).exp()

    @torch.no_grad()
    @checked(z=array(), condition=array())
    @one_thread()
    def drift(self, z: ArrayLike, condition: ArrayLike | None = None) -> Floats:
        """mu in units of z per second, (n, d), at z (n, d) and temperatures in K (scalar or (n,))."""
        y, theta, tau = self._normalised(z, condition)
        return (self.drift_network(y, theta).double() * self.z_scale / tau[:, None]).numpy()

    @checked(z=array(), condition=array())
    @one_thread()
    def jacobian(self, z: ArrayLike, condition: ArrayLike | None = None) -> Floats:
        """d mu_i / d z_j in 1/s, (n, d, d), by automatic differentiation."""
        y, theta, tau = self._normalised(z, condition)
        rows = torch.func.vmap(
            torch.func.jacrev(lambda a, b: self.drift_network(a[None], b[None])[0]),
        )(y, theta)
        ratio = self.z_scale[:, None] / self.z_scale[None, :]
        return (rows.double() * ratio / tau[:, None, None]).detach().numpy()

    @checked(z=array(), condition=array())
    @one_thread()
    def relaxation_rates(self, z: ArrayLike, condition: ArrayLike | None = None) -> Floats:
        """Real parts of the eigenvalues of -d mu/dz, ascending, 1/s, (n, d)."""
        return np.sort(np.linalg.eigvals(-self.jacobian(z, condition)).real, axis=1)
