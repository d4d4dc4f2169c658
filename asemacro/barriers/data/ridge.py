"""The yardstick of the graph networks: ridge regression on counts of species by distance class.

For the jump v -> j of an atom of species s, the features are 1 and the number of atoms of each species in each class
(d(k, v), d(k, j)) of sites k within two shortest distances (the fifth shell of bcc) of v or j, separately for each s:
S * (1 + 24 S) features in bcc, 605 for five species. Closed-form solution in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.data.table import BarrierData
from asemacro.barriers.gnn.graph import graph_of
from asemacro.tasks.threads import one_thread

REACH = 2.0
_SAME = 1e-3


def class_counts(data: BarrierData) -> NDArray[np.float64]:
    """(n, Z, n_classes * S) number of atoms of each species in each two-anchor distance class."""
    graph, n_species = graph_of(data.jumps), len(data.species)
    cell = np.array(data.jumps.cell)
    members: list[list[dict[tuple[float, float], NDArray[np.int64]]]] = []
    for site in graph.sites:
        positions = data.jumps.displacements(site.sites, site.origin) @ cell
        from_v = np.linalg.norm(positions, axis=1)
        members.append([])
        for j in range(1, 1 + site.n_jumps):
            from_j = np.linalg.norm(positions - positions[j], axis=1)
            near = (np.minimum(from_v, from_j) < REACH + _SAME) & (np.minimum(from_v, from_j) > _SAME)
            apart = np.round(np.stack([from_v, from_j], axis=1), 3)
            rows = np.flatnonzero(near)
            kinds, of = np.unique(apart[rows], axis=0, return_inverse=True)
            classes = {(float(a), float(b)): rows[of.reshape(-1) == i] for i, (a, b) in enumerate(kinds)}
            members[-1].append(classes)
    known = sorted({c for of_site in members for classes in of_site for c in classes})
    counts = np.zeros((len(data.env), data.n_jumps, len(known) * n_species))
    for kind, of_site in enumerate(members):
        rows = np.flatnonzero(data.kind == kind)
        for j, classes in enumerate(of_site):
            for c, sites in classes.items():
                env, column = data.env[np.ix_(rows, sites)], known.index(c) * n_species
                for s in range(1, n_species + 1):
                    counts[rows, j, column + s - 1] = (env == s).sum(axis=1)
    return counts


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
        """(n, Z) barriers in eV."""
        weights = self.weights[data.jumping.astype(np.int64) - 1]
        return weights[..., 0] + (class_counts(data) * weights[..., 1:]).sum(axis=2)
