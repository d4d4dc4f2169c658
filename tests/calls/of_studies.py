"""Calls of the public names of studies."""

from __future__ import annotations

import sys
from pathlib import Path
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
        "equilibrium": Call(_equilibrium, {
            "structure": BCC, "barriers": PAIR, "temperatures_K": [1500.0], "shells": 1, "sites": 32, "sweeps": 40,
            "workers": 1, "checkpoint": None, "progress": print, "rng": rng(),
        }),
        "Schedule": Call(am.Schedule, {"stages": am.Schedule.parse("900K 1h; 800K 1h").stages}),
        "Schedule.parse": Call(am.Schedule.parse, {"words": "900K 1h; cool 1K/s to 800K"}),
        "Schedule.temperature": Call(am.Schedule.parse("900K 1h").temperature, {"times_s": np.array([0.0, 60.0])}),
        "Schedule.boltzmann_time": Call(am.Schedule.parse("900K 1h").boltzmann_time, {"energy_eV": 1.0, "stage": 0}),
        "anneal": Call(_anneal, {
            "known": _known(), "schedule": "900K 1h", "vacancy_formation_energy_eV": 1.5,
            "vacancy_formation_entropy_kB": 1.0, "sinks_m": 1e-6, "progress": print, "rng": rng(),
        }),
        "diffusion": Call(_diffusion, {
            "structure": BCC, "barriers": PAIR, "temperatures_K": [1500.0], "sites": 128, "vacancies": 1,
            "vacancy_concentration": None, "runs": 4, "hops": 1000, "settle_hops": 1000,
            "vacancy_formation_energy_eV": 1.0, "mix_sublattices": False, "shell_tolerance": None, "workers": 1,
            "checkpoint": None, "progress": print, "rng": rng(),
        }),
    }  # fmt: skip


def _diagram(**arguments: Any) -> Any:
    """`phase_diagram` up to its first run: a whole one takes a minute."""
    from asemacro.studies.alloy import study

    return _up_to(study, "run_jobs", am.phase_diagram, arguments)


def _equilibrium(**arguments: Any) -> Any:
    """`equilibrium` up to its first chain."""
    from asemacro.studies.ordering import chains

    return _up_to(chains, "run_tasks", am.equilibrium, arguments)


def _diffusion(**arguments: Any) -> Any:
    """`diffusion` up to its first run."""
    from asemacro.studies.transport import study

    return _up_to(study, "run_tasks", am.diffusion, arguments)


def _up_to(module: Any, name: str, function: Any, arguments: dict[str, Any]) -> Any:
    """Call a function, None where it reaches one of a module."""

    def stop(*_: Any, **__: Any) -> Any:
        raise _Reached

    real = getattr(module, name)
    setattr(module, name, stop)
    try:
        return function(**arguments)
    except _Reached:
        return None
    finally:
        setattr(module, name, real)


def _known() -> Any:
    """What a diagram knows: the linear alloy of the tests of programmes."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "studies" / "furnace"))
    import linear_alloy

    return linear_alloy.kinetics()


def _anneal(**arguments: Any) -> Any:
    """`anneal` up to its first step: a whole one takes seconds."""
    from asemacro.studies.furnace import annealing

    return _up_to(annealing, "walk", am.anneal, arguments)


class _Reached(Exception):
    pass
