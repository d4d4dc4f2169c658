"""The yardstick of the graph networks: ridge regression on counts of species by distance class.

For the jump v -> j of an atom of species s, the features are 1 and the number of atoms of each species in each class
(d(k, v), d(k, j)) of sites k within d2 <= 12 (half-lattice units, the fifth shell) of v or j, separately for each s:
S * (1 + 24 S) features, 605 for five species. Closed-form solution in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.data.table import BarrierData
from asemacro.barriers.gnn.graph import N_JUMPS, bcc_graph
from asemacro.tasks.threads import one_thread

REACH_D2 = 12


def class_counts(data: BarrierData) -> NDArray[np.float64]:
    """(n, 8, n_classes * S) number of atoms of each species in each two-anchor distance class."""
    positions = bcc_graph().positions
    from_v = (positions**2).sum(axis=1)
    counts = []
    for j in range(1, 1 + N_JUMPS):
        from_j = ((positions - positions[j]) ** 2).sum(axis=1)
        near = (np.minimum(from_v, from_j) <= REACH_D2) & (from_v > 0) & (from_j > 0)
        classes = sorted(set(zip(from_v[near].tolist(), from_j[near].tolist(), strict=True)))
        columns = []
        for a, b in classes:
            env = data.env[:, near & (from_v == a) & (from_j == b)]
            columns += [(env == s).sum(axis=1) for s in range(1, len(data.species) + 1)]
        counts.append(np.stack(columns, axis=1))
    return np.stack(counts, axis=1).astype(np.float64)


@dataclass(frozen=True)
class Ridge:
    """One linear model per jumping species.

    Attributes:
        weights: (S, 1 + n_classes * S) intercept and slopes, eV.
    """

    weights: NDArray[np.float64]

    @property
    def n_features(self) -> int:
        return self.weights.size

    @classmethod
    @one_thread()
    def fit(cls, data: BarrierData, *, penalty: float = 1.0) -> Ridge:
        """Least squares with `penalty` times the squared slopes of centred features; the intercept is free."""
        features, species = class_counts(data), data.jumping
        rows = []
        for s in range(1, len(data.species) + 1):
            use = data.known() & (species == s)
            if not use.any():
                rows.append(np.zeros(1 + features.shape[2]))
                continue
            x, y = features[use], data.barrier[use].astype(np.float64)
            centre, mean = x.mean(axis=0), y.mean()
            gram = (x - centre).T @ (x - centre) + penalty * np.eye(x.shape[1])
            slope = np.linalg.solve(gram, (x - centre).T @ (y - mean))
            rows.append(np.concatenate([[mean - centre @ slope], slope]))
        return cls(np.stack(rows))

    def predict(self, data: BarrierData) -> NDArray[np.float64]:
        """(n, 8) barriers in eV."""
        weights = self.weights[data.jumping.astype(np.int64) - 1]
        return weights[..., 0] + (class_counts(data) * weights[..., 1:]).sum(axis=2)
