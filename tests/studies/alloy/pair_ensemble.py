"""An ensemble whose members are known: pair models and their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from asemacro.barriers.pair import PairBarrier


class PairEnsemble(PairBarrier):
    """The pair model whose energies are the means of those of some others."""

    def __init__(self, *each: PairBarrier) -> None:
        shells = [_mean([one.pair_eV[k] for one in each]) for k in range(len(each[0].pair_eV))]
        super().__init__(each[0].species or (), _mean([one.migration_eV for one in each]), shells)
        self._each = each

    def members(self) -> tuple[PairBarrier, ...]:
        return self._each


def _mean(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in each for name in one)
    return {name: float(np.mean([one.get(name, 0.0) for one in each])) for name in names}


def changed(
    model: PairBarrier, pair_eV: Sequence[Mapping[str, float]], migration_eV: Mapping[str, float] | None = None
) -> PairBarrier:
    """A pair model with something added to its energies."""
    more = migration_eV or {}
    return PairBarrier(
        model.species or (),
        {symbol: value + more.get(symbol, 0.0) for symbol, value in model.migration_eV.items()},
        [
            {name: shell.get(name, 0.0) + step.get(name, 0.0) for name in {**shell, **step}}
            for shell, step in zip(model.pair_eV, pair_eV, strict=True)
        ],
    )


def on_both_sides(
    model: PairBarrier, pair_eV: Sequence[Mapping[str, float]], migration_eV: Mapping[str, float] | None = None
) -> PairEnsemble:
    """Two members, of which the second has as much more as the first has less; their mean is the model."""
    less = [{name: -value for name, value in step.items()} for step in pair_eV]
    less_migration = {name: -value for name, value in (migration_eV or {}).items()}
    return PairEnsemble(changed(model, less, less_migration), changed(model, pair_eV, migration_eV))
