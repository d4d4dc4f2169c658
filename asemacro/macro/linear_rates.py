"""Least-squares rates of what forces on some carriers know: linear ones, and those of variables that are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from asemacro.data import ForceLabels
from asemacro.typing import Floats

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS = 2048  # states at a time
_MOST = 20_000  # states that are enough
_RIDGE = 1e-9


def linear_rates(labels: ForceLabels, mean: Floats, scale: Floats) -> tuple[Floats, Floats]:
    r"""Constant b (d,) and slope B (d, d) of dy/dt = b + B y, y = (z - mean) / scale, of the smallest mean loss.

    The start of a fit, and the unit of time.
    """
    features = np.concatenate([np.ones((len(labels), 1)), (labels.z - mean) / scale], axis=1)
    found = _coefficients(features, labels.root * scale, labels.target)
    return found[0], found[1:].T


def labels_of_first(labels: ForceLabels, count: int) -> ForceLabels:
    r"""What labels of d variables say about the rates of the first `count` of them.

    The rates of the others are put in: with h = (h_1, h_2) the least-squares fit of all rates by a constant, all
    variables and products of two of the first, and G = phi' phi'^T,

        loss_n(g) = |root_n (g, h_2 + C_n (g - h_1)) - target_n|^2 + rest_n,        C_n = G_21 G_11^-1 of the state,

    so that what the forces do along the others is no longer noise. The mean of root_n^T root_n over index sets is
    G_n^-1, in whose metric g - dz_1/dt does not meet h_2 - dz_2/dt - C_n (h_1 - dz_1/dt): there is no bias, however
    wrong h is. (With one C for all states there is, where G differs from state to state.) The minimum over the rates
    of the others in each state would be biased, as the forces beside all variables are not independent of which
    carriers are seen.

    Raises:
        ValueError: not 1 to d variables, or labels that do not say what G is.
    """
    if not 1 <= count <= labels.dim:
        raise ValueError(f"there are {labels.dim} variables, {count} cannot be the first of them")
    if labels.gram is None:
        raise ValueError("these labels do not know phi' phi'^T of their states (gram): no variables can be left out")
    y = (labels.z - labels.z.mean(axis=0)) / labels.z.std(axis=0)
    one, other = np.triu_indices(count)
    features = np.concatenate([np.ones((len(y), 1)), y, y[:, one] * y[:, other]], axis=1)
    h = features @ _coefficients(features, labels.root, labels.target)
    own, cross = labels.gram[:, :count, :count], labels.gram[:, :count, count:]
    along = np.linalg.solve(own, cross).transpose(0, 2, 1)
    others = labels.root[:, :, count:]
    target = labels.target - np.einsum(
        "nrk,nk->nr", others, h[:, count:] - np.einsum("nki,ni->nk", along, h[:, :count])
    )
    q, root = np.linalg.qr(labels.root[:, :, :count] + others @ along)
    seen = np.einsum("nrk,nr->nk", q, target)
    rest = labels.rest + (target**2).sum(axis=1) - (seen**2).sum(axis=1)
    return ForceLabels(labels.z[:, :count], root, seen, rest.clip(min=0), labels.fraction, labels.group, own)


def _coefficients(features: Floats, root: Floats, target: Floats) -> Floats:
    r"""C (F, d) of the least sum_n |root_n (features_n C) - target_n|^2, features (n, F).

    It is quadratic in C, with the normal matrix sum_n features_n features_n^T (x) root_n^T root_n.
    """
    d, width = root.shape[2], features.shape[1]
    matrix, right = np.zeros((width, width, d, d)), np.zeros((width, d))
    for part in _parts(len(features)):
        square = root[part].transpose(0, 2, 1) @ root[part]
        pairs = (features[part, :, None] * features[part, None, :]).reshape(len(part), -1)
        matrix += (pairs.T @ square.reshape(len(part), -1)).reshape(width, width, d, d)
        right += features[part].T @ np.einsum("nri,nr->ni", root[part], target[part])
    flat = matrix.transpose(0, 2, 1, 3).reshape(width * d, width * d)
    ridge = _RIDGE * np.trace(flat) / len(flat) * np.eye(len(flat))
    return np.linalg.solve(flat + ridge, right.reshape(-1)).reshape(width, d)


def _parts(n: int) -> Iterator[NDArray[np.int64]]:
    """Numbers of states, spread over all if there are many, a few thousand at a time."""
    rows = np.linspace(0, n - 1, min(n, _MOST)).astype(int)
    yield from np.array_split(rows, -(-len(rows) // _ROWS))
