"""States beside those that have labels, from which a learned equation leads back."""

from __future__ import annotations

import dataclasses

import numpy as np

from asemacro.arguments.checks import generator_of
from asemacro.arguments.door import FORCE_LABELS, above_zero, check_fields, checked, instance, whole
from asemacro.data import ForceLabels

_MOST_RATE = 1e30  # its square is a number, also over that of a time step
_FARTHEST = 100.0  # nothing is learned from states beyond it


@dataclasses.dataclass(frozen=True)
class Attraction:
    """How strongly an equation leads back to the states that it is learned from.

    States of d variables often lie on a surface or a line of that space. Labels say nothing of the rates beside it, and
    a network is free to lead away from it: small errors then grow along a trajectory. Beside each state others are
    put, and their rate is that of the state less `rate` times the displacement. No force is computed for it. Along the
    surface the displacements average out; where the rate is curved they smooth it over `farthest`, so take that small.

    Attributes:
        rate: at which a displacement shall decay, 1 / time; above the rates of the system, below 1 / (time step).
        nearest: smallest scale of the displacements, in standard deviations of each variable over the states.
        farthest: largest scale; those of the states are spread evenly over the logarithm between both.
        copies: displaced states beside each.

    Raises:
        ValueError: a number out of range.
    """

    rate: float
    nearest: float = 1e-3
    farthest: float = 0.03
    copies: int = 2

    def __post_init__(self) -> None:
        check_fields(self, rate=above_zero, nearest=above_zero, farthest=above_zero, copies=whole(1, 100))
        if self.nearest > self.farthest:
            raise ValueError(f"nearest {self.nearest:g} must not exceed farthest {self.farthest:g}")
        if self.rate > _MOST_RATE or self.farthest > _FARTHEST:
            raise ValueError(
                f"rate must be at most {_MOST_RATE:g} and farthest at most {_FARTHEST:g} standard deviations, got "
                f"{self.rate:g} and {self.farthest:g}"
            )


@checked(labels=FORCE_LABELS, attraction=instance("Attraction"), rng=generator_of)
def with_attraction(labels: ForceLabels, attraction: Attraction, *, rng: np.random.Generator) -> ForceLabels:
    """The labels, followed by those of displaced copies of their states: loss_n(g + rate displacement).

    Args:
        labels: N of them.
        attraction: where the copies are, and how they come back.
        rng: of the displacements.

    Returns:
        N (1 + copies) labels; copies are of the group of their state.
    """
    scale, parts = labels.z.std(axis=0), [labels]
    low, high = np.log([attraction.nearest, attraction.farthest])
    for _ in range(attraction.copies):
        size = np.exp(rng.uniform(low, high, len(labels)))
        away = size[:, None] * scale * rng.standard_normal(labels.z.shape)
        back = labels.target - attraction.rate * np.einsum("nrd,nd->nr", labels.root, away)
        parts.append(dataclasses.replace(labels, z=labels.z + away, target=back))
    joined = {name: np.concatenate([part.columns[name] for part in parts]) for name in labels.columns}
    return ForceLabels(fraction=labels.fraction, **joined)
