"""Calls of the public names of studies."""

from __future__ import annotations

from typing import Any

import numpy as np

import asemacro as am
from asemacro.barriers.clusters import Cluster, Clusters
from asemacro.barriers.labelling import BandSettings
from calls.given import ATOMS, BCC, PAIR, Call, rng

CLUSTERS = Clusters(BCC, ("Nb", "Ta"), (Cluster(np.zeros((1, 4), dtype=int), np.array([0.1, 0.0, 0.2])),), 0.0)


def _flat(symbols: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    return np.full(8, 0.7)


def calls() -> dict[str, Call]:
    return {
        "PairBarrier": Call(
            am.PairBarrier,
            {"species": ["Nb", "Ta"], "migration_eV": {"Nb": 0.6, "Ta": 0.7}, "pair_eV": [{"Nb-Ta": -0.05}],
             "name": "pair", "attempt_frequency_Hz": {"Nb": 9e12}},
        ),
        "CallableBarriers": Call(
            am.CallableBarriers,
            {"function": _flat, "reach": 3.0, "species": ["Nb", "Ta"], "name": "mine",
             "attempt_frequency_Hz": {"Nb": 9e12}},
        ),
        "ClusterExpansionBarriers": Call(
            am.ClusterExpansionBarriers,
            {"expansion": CLUSTERS, "migration_eV": {"Nb": 0.6, "Ta": 0.7}, "name": "mine",
             "attempt_frequency_Hz": {"Nb": 9e12}},
        ),
        "CalculatorBarriers": Call(
            am.CalculatorBarriers,
            {"calculator": "emt", "settings": BandSettings(), "name": "mine", "attempt_frequency_Hz": {"Cu": 9e12}},
        ),
        "CallableBarriers.compile": Call(am.CallableBarriers(_flat, 3.0).compile, {"lattice": BCC}),
        "PairBarrier.compile": Call(PAIR.compile, {"lattice": BCC}),
        "PairBarrier.compile_energy": Call(PAIR.compile_energy, {"lattice": BCC}),
        "PairBarrier.check": Call(PAIR.check, {"lattice": BCC}),
        "PairBarrier.energy": Call(PAIR.energy, {"lattice": BCC, "x": ATOMS}),
        "PairBarrier.barriers": Call(
            PAIR.barriers, {"lattice": BCC, "x": ATOMS[0], "sites": np.flatnonzero(ATOMS[0] == 0)}
        ),
        "PairBarrier.jump_frequencies": Call(
            PAIR.jump_frequencies, {"lattice": BCC, "x": ATOMS[0], "sites": np.flatnonzero(ATOMS[0] == 0)}
        ),
        "load_barriers": Call(am.load_barriers, {"name_or_path": "nbmota"}),
        "phase_diagram": Call(_diagram, {
            "structure": BCC, "barriers": PAIR, "temperatures_K": [1500.0], "sites": 1024, "small": 128,
            "vacancies": 8, "vacancy_concentration": None, "anneal_hops": 1e3, "anneal_time_s": None, "seeds": 1,
            "hops": 1000, "direct": False, "vacancy_formation_energy_eV": 1.0, "workers": 1, "checkpoint": None,
            "progress": print, "rng": rng(),
        }),
    }  # fmt: skip


def _diagram(**arguments: Any) -> Any:
    """`phase_diagram` up to its first run: a whole one takes a minute."""
    from asemacro.studies.alloy import study

    def stop(*_: Any) -> Any:
        raise _Reached

    real = study.run_jobs
    study.run_jobs = stop  # type: ignore[assignment]
    try:
        return am.phase_diagram(**arguments)
    except _Reached:
        return None
    finally:
        study.run_jobs = real


class _Reached(Exception):
    pass
