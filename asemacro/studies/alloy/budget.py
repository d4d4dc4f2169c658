"""How much is simulated at one temperature."""

from __future__ import annotations

import dataclasses
import math

LEAST_HOPS = 1000  # of a run: fewer leave nothing to learn from


@dataclasses.dataclass(frozen=True)
class Budget:
    """When the runs of one temperature end, whichever comes first.

    Attributes:
        hops: per run and vacancy.
        evaluations: barrier evaluations (cache misses) per run and vacancy: what a run goes on with where it is cold
            are hops among environments that it knows, which cost little.
        relaxations: length in units of the slowest relaxation time seen.
    """

    hops: float
    evaluations: float = math.inf
    relaxations: float = 30.0

    def share(self, hops: float, evaluations: float, relaxations: float) -> float:
        """Part of a run that is over: it ends by whichever limit it meets first."""
        spent = (hops / (0.95 * self.hops), evaluations / self.evaluations, relaxations / self.relaxations)
        return min(max(spent), 1.0)

    @classmethod
    def of_hops(cls, hops: float | None) -> Budget:
        """Runs of at most `hops` hops a vacancy; None for the quick budget.

        Raises:
            ValueError: fewer hops than LEAST_HOPS.
        """
        if hops is None:
            return QUICK
        if not (math.isfinite(hops) and hops > 0):
            raise ValueError(f"the number of hops must be positive and finite, got {hops:g}")
        if hops < LEAST_HOPS:
            raise ValueError(f"{hops:g} hops a run are too few to learn from; give at least {LEAST_HOPS}")
        return cls(hops=hops)


QUICK = Budget(hops=6e5, evaluations=2.6e4, relaxations=12.0)
