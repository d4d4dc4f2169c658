"""What the learner of forces measures: z* = phi(x) with its gradient, as functions of torch."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from asemacro.arguments.checks import shown
from asemacro.arguments.door import checked, function, many, text
from asemacro.files.reading import plain
from asemacro.observables.linearised import Linearised, columns_of

LEAST_SLOPE, MOST_SLOPE = 1e-15, 1e15
"""Of an observable along the steepest number of a state. Networks work in single precision, from 1e-38 to 3e38, with
the squares of slopes and with ratios of these: they keep eight orders of magnitude on either side."""
_AGAIN, _ONE_OF_MANY = 1e-6, 1e-5  # of the size of an observable: sums in single precision that are ordered otherwise
_ALONE = 4  # states that are asked about alone


class DifferentiableObservable(abc.ABC):
    """Macroscopic observable of states x (batch, N): `phi(x) -> (batch, dim)`, with dz*/dt = phi'(x) f(x).

    An observable has `labels` and can be called; one that writes its gradient out is faster.

    Attributes:
        labels: names of the variables.
    """

    labels: tuple[str, ...]

    @property
    def dim(self) -> int:
        """Number of variables."""
        return len(self.labels)

    @abc.abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Values (batch, dim) of states x (batch, N), in the dtype of x."""

    def gradient(self, x: Tensor) -> Tensor:
        """phi'(x), (batch, dim, N); by default by differentiating the call.

        Raises:
            ValueError: the call cannot be differentiated.
        """
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            z = self(point)
            if not z.requires_grad:
                raise ValueError(_without_gradient(self.labels))
            try:
                rows = [
                    torch.autograd.grad(z[:, j].sum(), point, retain_graph=j + 1 < self.dim, materialize_grads=True)[0]
                    for j in range(self.dim)
                ]
            except RuntimeError as error:  # values that are overwritten after they were used, and the like
                raise ValueError(f"the observable {', '.join(self.labels)} has no gradient: {plain(error)}") from None
        return torch.stack(rows, dim=1)

    def linearised(self, x: Tensor, components: Tensor) -> Linearised:
        """Values, Gram matrix phi' phi'^T and some columns of phi'; encoders find them without an array (b, d, N).

        Args:
            x: (b, N) states.
            components: (b, m) of each state.
        """
        gradient = self.gradient(x)
        return Linearised(self(x), gradient @ gradient.transpose(1, 2), columns_of(gradient, components))


class TorchObservable(DifferentiableObservable):
    """An observable of your own: a function of torch from states (batch, N) to values (batch, dim); one: (batch,).

    The function is given states in float64, a copy that it may edit; what it gives is handed on in the dtype of x.

    Args:
        function: of torch; it must be differentiable.
        labels: names of the variables, one for each column.
    """

    @checked(function=function, labels=many(text, least=1))
    def __init__(self, function: Callable[[Tensor], Tensor], labels: Sequence[str]) -> None:
        self._function, self.labels = function, tuple(labels)
        if len(set(self.labels)) < len(self.labels):
            raise ValueError(f"variables need different names, got {self.labels}")

    def __call__(self, x: Tensor) -> Tensor:
        """Values of the function.

        Raises:
            ValueError: it fails, or gives something else than real numbers, one row a state and one column a label.
        """
        try:
            z = self._function(x.to(torch.float64, copy=True))
        except (Exception, SystemExit) as error:  # whatever a function of the user does
            if x.requires_grad and "numpy()" in str(error):  # torch advises to detach, which leaves no gradient
                raise ValueError(_without_gradient(self.labels)) from None
            raise ValueError(f"the observable {', '.join(self.labels)} fails: {plain(error)}") from None
        if self.dim == 1 and isinstance(z, Tensor) and z.ndim == 1:
            z = z[:, None]
        if not isinstance(z, Tensor) or z.shape != (len(x), self.dim):
            got = tuple(z.shape) if isinstance(z, Tensor) else shown(z)
            alone = f"({len(x)},) or " if self.dim == 1 else ""
            raise ValueError(
                f"the observable must give {alone}({len(x)}, {self.dim}), a row a state, a column a label; got {got}"
            )
        if z.is_complex():
            raise ValueError(f"the observable {', '.join(self.labels)} must give real numbers, got complex ones")
        return z.to(x.dtype)


def _without_gradient(labels: Sequence[str]) -> str:
    """What is said of an observable that cannot be differentiated."""
    return (
        f"the observable {', '.join(labels)} has no gradient: compute it from x by functions of torch that can be "
        "differentiated (no numpy, no rounding, no counting)"
    )


def check_gradient(observable: DifferentiableObservable, x: Tensor) -> Tensor:
    """phi'(x) (batch, dim, N), if the macroscopic dynamics can be learned from it.

    Args:
        observable: phi.
        x: (batch, N) some states of the data.

    Raises:
        ValueError: no gradient, one that is not finite, one that is zero in every state (a count, a sign), or numbers
            too large or too small for networks in single precision.
    """
    slope = observable.gradient(x)
    if slope.shape != (len(x), observable.dim, x.shape[1]):
        raise ValueError(f"the gradient of the observable has the shape {tuple(slope.shape)}")
    for label, rows in zip(observable.labels, slope.unbind(dim=1), strict=True):
        if not torch.isfinite(rows).all():
            raise ValueError(f"the gradient of {label} is not finite: it has no slope at some of the states")
        if not rows.any():
            raise ValueError(f"the gradient of {label} is zero in all states: a function in steps cannot be learned")
        steepest = float(rows.detach().abs().max())
        if not LEAST_SLOPE <= steepest <= MOST_SLOPE:
            raise ValueError(
                f"the numbers of {label} are too {'large' if steepest > 1 else 'small'} for single precision: its "
                f"slope is up to {steepest:.2g} for each unit of a state, and must be from {LEAST_SLOPE:g} to "
                f"{MOST_SLOPE:g}; give {label} in another unit"
            )
    return slope


def check_of_one_state(observable: DifferentiableObservable, x: Tensor, slope: Tensor) -> Tensor:
    """Values (batch, dim) of states, if the value of each is one of that state alone.

    Args:
        observable: phi.
        x: (batch, N) states.
        slope: (batch, dim, N) phi' there: rounding errors go with the terms of a value, not with their sum.

    Raises:
        ValueError: another value when it is asked again, or when a state is asked about without the others.
    """
    with torch.no_grad():
        z, again = observable(x), observable(x)
        alone = torch.cat([observable(x[k : k + 1]) for k in range(min(len(x), _ALONE))])
    size = z.abs().amax(dim=0) + (slope.detach() * x[:, None]).square().sum(dim=2).mean(dim=0).sqrt()
    for k, label in enumerate(observable.labels):
        if ((z - again)[:, k].abs() > _AGAIN * size[k]).any():
            raise ValueError(f"the observable {label} gives other numbers when it is asked again for the same states")
        if ((z[: len(alone)] - alone)[:, k].abs() > _ONE_OF_MANY * size[k]).any():
            raise ValueError(
                f"the observable {label} gives another number for a state alone than for it among others: it must "
                "take each row by itself (as x.mean(dim=1) does)"
            )
    return z
