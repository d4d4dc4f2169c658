"""The macroscopic equation that is measured: trajectories of a polynomial SDE."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from asemacro.macro.sde import NeuralSDE
from asemacro.macro.trajectories import simulate
from asemacro.studies.learn.learned import polynomial_sde
from asemacro.studies.speed.plain_sde import trajectories
from asemacro.studies.speed.timing import Case, Ready, Run, first_call, timed

STEP = 0.025


def two_variables() -> NeuralSDE:
    """An SDE of two variables as it is fitted to rates, with small random coefficients."""
    sde = polynomial_sde(("a", "b"), 100, hidden=0)
    drift: Any = sde.drift_network
    torch.nn.init.normal_(drift.coefficients, std=0.01, generator=torch.Generator().manual_seed(0))
    return sde


def sde_case(number: int, steps: int, *, plain_steps: int = 0, **more: Any) -> Case:
    """Trajectories of two variables; steps of all of them are counted.

    Args:
        number: of trajectories.
        steps: of each.
        plain_steps: of each in the plain version; 0 for none.
        **more: of the case.
    """

    def prepare(share: float) -> Ready:
        sde, start = two_variables(), np.zeros(2)
        many, few = max(2, round(steps * share)), max(2, round(plain_steps * share))

        def path(n: int, seed: int) -> Any:
            words: dict[str, Any] = {"n_trajectories": number, "n_steps": n, "n_saves": 1}
            return simulate(sde, start, n * STEP, **words, rng=np.random.default_rng(seed))

        def run(seed: int) -> Run:
            return timed(lambda: path(many, seed), many * number)

        def plain() -> Run:
            rng = np.random.default_rng(1)
            return timed(lambda: trajectories(sde, start, few * STEP, number, few, rng=rng), few * number)

        called = first_call(lambda: path(1, 0))
        return Ready(run, None, plain if plain_steps else None, called)

    about: dict[str, Any] = {"kernel": "sde", "counted": "steps", **more}
    return Case(system=f"two variables, {number} trajectories", sites=None, prepare=prepare, **about)
