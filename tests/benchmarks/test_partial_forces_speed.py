"""When a part of the forces is cheaper: `pytest tests/benchmarks/test_partial_forces_speed.py -o addopts="" -s`, ms.

One core, per state: all forces, those on 50 atoms (EMT: 8), and the labels that both need (encoder of 8 variables and
phi' in factors). The loss of a part pays where all forces cost more than the part; labels show what else a state costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ase.build
import numpy as np
import pytest
from ase.calculators.emt import EMT

from asemacro.closure.encoder import Encoder
from asemacro.closure.encoder_network import MLPEncoder
from asemacro.force_data import ForceData
from asemacro.labels.forces import force_labels
from asemacro.micro.force_system import ForceSystem, draw_active
from asemacro.micro.particles.lennard_jones import LennardJones
from asemacro.micro.particles.partial_forces import PartialForces
from asemacro.observables.kinetic_temperature import KineticTemperature
from asemacro.tasks.threads import one_thread

STATES = 16


def per_state(run: Callable[[], object]) -> float:
    """Milliseconds of processor time, the least of three."""
    run()
    times = []
    for _ in range(3):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return 1e3 * min(times) / STATES


def copper(repeats: int) -> PartialForces:
    return PartialForces(ase.build.bulk("Cu", "fcc", a=3.61, cubic=True).repeat(repeats), EMT())


CASES: dict[str, tuple[Callable[[], ForceSystem], int]] = {
    **{f"Lennard-Jones {n}": (lambda n=n: LennardJones(n), 50) for n in (800, 6400, 51200)},  # type: ignore[misc]
    **{f"EMT {4 * k**3}": (lambda k=k: copper(k), 8) for k in (3, 6, 9)},  # type: ignore[misc]
}


@pytest.mark.parametrize("name", CASES)
def test_cost_of_a_state(benchmark: Any, name: str) -> None:
    make, m = CASES[name]
    system, rng = make(), np.random.default_rng(0)
    n = system.n_carriers
    x = system.initial(rng.uniform(0.5, 1.5, STATES) * (300 if "EMT" in name else 1), rng=rng)  # type: ignore[attr-defined]
    x[:, : 3 * n] += 0.01 * rng.standard_normal((STATES, 3 * n))
    active = draw_active(STATES, n, m / n, rng=rng)
    phi = Encoder(KineticTemperature(n), MLPEncoder(6 * n, 8, (32, 32)))
    part = ForceData(x, active, system.forces(x, active), system.layout)
    with one_thread():
        cost = {
            "all forces": per_state(lambda: system.forces(x)),
            f"{m} atoms": per_state(lambda: system.forces(x, active)),
            "labels": per_state(lambda: force_labels(part, phi)),
        }
        benchmark.pedantic(lambda: system.forces(x, active), rounds=1)
    benchmark.extra_info.update(cost)
    print(f"\n{name}: " + ", ".join(f"{what} {ms:.3g} ms" for what, ms in cost.items()))
