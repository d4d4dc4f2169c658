r"""Labels of macroscopic ODEs from forces on a few carriers.

The microscopic state follows dx/dt = f(x), N numbers; z = phi(x), d numbers, shall follow dz/dt = g(z). As
dz/dt = phi'(x) f(x), the plain loss is L_z = E |phi' f - g|^2, and it needs all of f. Mapped back to the microscopic
space by the Moore-Penrose inverse phi'^+ = phi'^T G^-1, G = phi' phi'^T (d x d), it becomes

    L_x = E |f - phi'^+ g|^2 = E |(1 - phi'^+ phi') f|^2 + E (phi' f - g)^T G^-1 (phi' f - g):

a part that g cannot change, and L_z weighted by G^-1. Both have one minimiser, g = dz/dt, where z is closed, and
1 / gamma_max L_z <= L_x - min L_x <= 1 / gamma_min L_z with the extreme eigenvalues gamma of G: an encoder of small
kappa = gamma_max / gamma_min makes them the same up to a factor (Theorem 1). L_x is a mean over components, so of each
state a uniformly random set I of p N of them is enough:

    L_x,p = (1/p) E |f_I - (phi'^+ g)_I|^2,        E_I L_x,p = L_x for every g.

Given phi' nothing else of the state enters than P = (phi'^T)_I G^-1, |I| x d. With P = U R, U^T U = 1,

    |f_I - P g|^2 = |R g - U^T f_I|^2 + |f_I|^2 - |U^T f_I|^2,

so d x d numbers a state are kept, whatever N and |I| are, and nothing of a force that was not computed.
Source: Chen and Li, NeurIPS 2024, "Learning macroscopic dynamics from partial microscopic observations".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from asemacro.arguments.checks import choice_of
from asemacro.arguments.door import FORCE_DATA, checked, instance, optional, whole
from asemacro.data import ForceLabels
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.observables.linearised import Linearised
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.force_data import ForceData

_MOST_STATES = 256  # at a time
_BATCH_BYTES = 1e9
_COPIES = 4  # of the states, and of phi' on the components whose forces are known, that are held meanwhile
_LEAST_EIGENVALUE = 1e-12  # of G, over the largest: variables that depend on each other
_SPREAD = 1e-10  # of a variable over the states, over its size: one that is constant


def _space(value: object, name: str) -> str:
    return choice_of(value, name, ("micro", "macro"))


@torch.no_grad()
@checked(data=FORCE_DATA, phi=instance("DifferentiableObservable"), space=_space, batch_size=optional(whole(1)))
@one_thread()
def force_labels(
    data: ForceData,
    phi: DifferentiableObservable,
    *,
    space: Literal["micro", "macro"] = "micro",
    batch_size: int | None = None,
) -> ForceLabels:
    """What the forces of each state say about dz/dt, z = phi(x).

    Args:
        data: states with forces on all or a part of the carriers.
        phi: the variables, observables and what an encoder adds to them; evaluated in float64.
        space: "micro" for L_x,p (L_x if all forces are there), "macro" for L_z.
        batch_size: states at a time; default as many as take about 1 GB, 256 at most.

    Returns:
        Labels whose mean loss is L_x,p = 1/(p n) sum |f_I - (phi'^+ g)_I|^2 or L_z = 1/n sum |phi' f - g|^2.

    Raises:
        ValueError: L_z of a part of the forces, fewer states than variables, a variable that is constant or has no
            gradient, or variables that depend on each other.
    """
    n, p = data.n_configurations, data.fraction
    check_enough(n, p, phi.dim, space)
    numbers, known = data.states(slice(0, 1)).shape[1], data.forces(slice(0, 1)).shape[1]
    batch_size = batch_size or min(
        _MOST_STATES, max(1, int(_BATCH_BYTES / (8 * _COPIES * (numbers + phi.dim * known))))
    )
    parts = []
    for first in range(0, n, batch_size):
        rows = np.arange(first, min(first + batch_size, n))
        x, f = (torch.from_numpy(np.array(values, dtype=float)) for values in (data.states(rows), data.forces(rows)))
        at = phi.linearised(x, torch.from_numpy(np.array(data.components(rows))))
        _check_gram(at.gram, phi.labels)
        parts.append(_of_rates(at, f) if space == "macro" else _of_components(at, f, p))
    z, root, target, rest, gram = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    for k in never_changing(z):
        raise ValueError(f"the variable {phi.labels[k]} is {z[0, k]:g} in all states; leave it out")
    return ForceLabels(z, root, target, rest, fraction=p, group=data.group, gram=gram)


def never_changing(z: Floats, expected: Floats | float = 0.0) -> list[int]:
    """Numbers of the variables that are the same in all states z (n, d), up to rounding.

    Args:
        z: values.
        expected: (d,) spreads, if the numbers of the states changed independently of each other: what stays the same
            because they cancel, as a total momentum, is a rounding error of them and not of itself.
    """
    size = np.maximum(np.abs(z).max(axis=0), expected)
    return np.flatnonzero(z.std(axis=0) <= _SPREAD * size).tolist()


def check_enough(n: int, p: float, dim: int, space: str) -> None:
    """Refuse n states with a part p of their forces that cannot be labels of `dim` variables, before any are made.

    Raises:
        ValueError: L_z of a part of the forces, or fewer states than variables.
    """
    if space == "macro" and p < 1:
        raise ValueError(f"L_z needs the forces on all carriers, there are those of {p:g} of them; use space='micro'")
    if n <= dim:
        raise ValueError(f"{n} states are too few for {dim} variables; take more")


def _of_rates(at: Linearised, f: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """z, root, target, rest and gram of |phi' f - g|^2."""
    rate = (at.columns @ f.unsqueeze(2)).squeeze(2)
    eye = torch.eye(rate.shape[1], dtype=rate.dtype).expand(len(rate), -1, -1)
    return at.z, eye, rate, torch.zeros(len(rate), dtype=rate.dtype), eye


def _of_components(at: Linearised, f: Tensor, p: float) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """z, root, target, rest and gram of |f_I - P g|^2 / p."""
    q, r = torch.linalg.qr(torch.linalg.solve(at.gram, at.columns).transpose(1, 2))
    seen = (q.transpose(1, 2) @ f.unsqueeze(2)).squeeze(2)
    rest = f.square().sum(1) - seen.square().sum(1)
    return at.z, r / p**0.5, seen / p**0.5, rest.clamp(min=0) / p, at.gram


def _check_gram(gram: Tensor, labels: tuple[str, ...]) -> None:
    """Refuse variables without a gradient, or that depend on each other."""
    size = gram.diagonal(dim1=1, dim2=2)
    for k in torch.nonzero(~((size > 0) & size.isfinite()).all(dim=0)).flatten().tolist():
        raise ValueError(f"the variable {labels[k]} has no gradient in some of the states; leave it out")
    # of the matrix with a unit diagonal, which the units of the variables do not enter
    unit = gram / torch.sqrt(size[:, :, None] * size[:, None, :])
    if float(torch.linalg.eigvalsh(unit)[:, 0].min()) < _LEAST_EIGENVALUE:
        raise ValueError(f"the {len(labels)} variables depend on each other in some of the states; take fewer")
