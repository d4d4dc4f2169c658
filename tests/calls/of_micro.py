"""Calls of the public names of micro."""

from __future__ import annotations

import ase.build
import numpy as np
from ase.calculators.morse import MorsePotential

import asemacro as am
from asemacro.force_data import Layout
from calls.given import ALLOY, ATOMS, BCC, CELLS, CHAIN, FIELDS, ISING, PAIR, SPINS, SQUARE, SWAPS, WEISS, Call, rng

FIELD = am.AllenCahn(6).initial(2, rng=rng())
FLUID = am.LennardJones(108)
PARTICLES = FLUID.initial([1.0], energy=0.0, rng=rng())
COPPER = ase.build.bulk("Cu", cubic=True).repeat((2, 1, 1))
METAL = am.PartialForces(COPPER, MorsePotential())
WARM = METAL.initial([300.0], rng=rng())
PREY = am.PredatorPreyODE(10).initial(3, rng=rng())


def calls() -> dict[str, Call]:
    active = np.tile(np.arange(4), (24, 1))
    table: dict[str, Call] = {
        "Ising": Call(am.Ising, {"lattice": SQUARE, "temperature": 2.0, "coupling": [1.0, 0.5], "field": 0.1}),
        "CurieWeiss": Call(am.CurieWeiss, {"lattice": 9, "temperature": 2.0, "coupling": 1.0, "field": 0.1}),
        "PredatorPrey": Call(
            am.PredatorPrey,
            {"lattice": CHAIN, "a": 3.0, "b": 0.4, "D": (0.0, 1.0), "noise": 0.02, "time_step": 0.01,
             "form": "published"},
        ),
        "VacancyKMC": Call(
            am.VacancyKMC,
            {"lattice": BCC, "barriers": PAIR, "temperature_K": 900.0, "attempt_frequency_Hz": 1e13,
             "cache_entries": 64},
        ),
        "SwapMC": Call(am.SwapMC, {"lattice": BCC, "model": PAIR, "temperature_K": 900.0}),
        "VacancyKMC.at": Call(ALLOY.at, {"temperature_K": 900.0}),
        "VacancyKMC.on": Call(ALLOY.on, {"lattice": BCC.repeat(2)}),
        "VacancyKMC.carriers": Call(ALLOY.carriers, {"x": ATOMS}),
        "VacancyKMC.rates": Call(ALLOY.rates, {"x": ATOMS[0], "sites": ALLOY.carriers(ATOMS[:1])[0]}),
        "VacancyKMC.events": Call(ALLOY.events, {"x": ATOMS, "active": ALLOY.carriers(ATOMS)}),
        "SwapMC.run": Call(
            SWAPS.run,
            {"x": ATOMS[0], "sweeps": 3, "record_sweeps": [1, 2], "observe": lambda x: x.sum(), "progress": print,
             "rng": rng()},
        ),
        "PredatorPrey.on": Call(FIELDS.on, {"lattice": CHAIN}),
        "PredatorPrey.drift": Call(FIELDS.drift, {"x": CELLS}),
        "PredatorPrey.carriers": Call(FIELDS.carriers, {"x": CELLS}),
        "PredatorPrey.draw_active": Call(FIELDS.draw_active, {"x": CELLS, "m": 2, "rng": rng()}),
        "PredatorPrey.events": Call(FIELDS.events, {"x": CELLS, "active": active[:4]}),
        "PredatorPrey.evolve": Call(
            FIELDS.evolve, {"x": CELLS, "duration": 0.05, "active": active[:4], "rng": rng()}
        ),
        "wolff": Call(__import__("asemacro.micro.spins.cluster_moves", fromlist=["wolff"]).wolff,
                      {"system": ISING, "x": SPINS, "clusters": 2, "rng": rng()}),
        "magnetisation_moments": Call(
            __import__("asemacro.micro.spins.birth_death", fromlist=["x"]).magnetisation_moments,
            {"system": WEISS, "starts": [0.0, 0.5], "times": [0.0, 1.0]},
        ),
        "sample": Call(
            am.sample,
            {"system": ISING, "x0": SPINS[:2], "times": [0.0, 0.5], "n_trajectories": 3, "rng": rng(),
             "executor": None, "progress": print},
        ),
        "Driver": Call(
            am.Driver,
            {"system": ISING, "x": SPINS[0], "step": 0.1, "trajectory": None, "logfile": None, "loginterval": 2,
             "append_trajectory": False, "rng": rng()},
        ),
        "Driver.run": Call(am.Driver(ISING, SPINS[0], step=0.01, rng=rng()).run, {"steps": 3}),
        "Driver.irun": Call(
            lambda steps: list(am.Driver(ISING, SPINS[0], step=0.01, rng=rng()).irun(steps)), {"steps": 3}
        ),
        "Driver.attach": Call(
            am.Driver(ISING, SPINS[0], step=0.01, rng=rng()).attach, {"function": print, "interval": 2}
        ),
        "KMC": Call(
            am.KMC,
            {"atoms": BCC.to_atoms(ATOMS[0]), "barriers": PAIR, "temperature_K": 900.0, "attempt_frequency_Hz": 1e13,
             "shell_tolerance": 0.08, "trajectory": None, "logfile": None, "loginterval": 2,
             "append_trajectory": False, "rng": rng()},
        ),
        "PredatorPreyODE": Call(
            am.PredatorPreyODE,
            {"n_cells": 10, "a": 3.0, "b": 0.4, "D": (0.0, 1.0), "time_step": 0.01, "scheme": "rk4"},
        ),
        "PredatorPreyODE.initial": Call(am.PredatorPreyODE(10).initial, {"n": 3, "rng": rng()}),
        "PredatorPreyODE.forces": Call(am.PredatorPreyODE(10).forces, {"x": PREY, "active": active[:3]}),
        "PredatorPreyODE.trajectories": Call(
            am.PredatorPreyODE(10).trajectories, {"x": PREY, "times": [0.0, 0.05]}
        ),
        "AllenCahn": Call(am.AllenCahn, {"n": 6, "epsilon": 0.2, "time_step": 1e-3}),
        "AllenCahn.rings": Call(am.AllenCahn(6).rings, {"outer": [0.3, 0.4], "inner": [0.1, 0.2]}),
        "AllenCahn.initial": Call(am.AllenCahn(6).initial, {"n": 3, "rng": rng()}),
        "AllenCahn.forces": Call(am.AllenCahn(6).forces, {"x": FIELD, "active": active[:2]}),
        "AllenCahn.energy": Call(am.AllenCahn(6).energy, {"x": FIELD}),
        "AllenCahn.trajectories": Call(am.AllenCahn(6).trajectories, {"x": FIELD, "times": [0.0, 0.01]}),
        "LennardJones": Call(
            am.LennardJones,
            {"n_atoms": 108, "density": 0.8, "cutoff": 2.3, "shift": False, "time_step": 0.002, "skin": 0.2,
             "engine": "numba"},
        ),
        "LennardJones.initial": Call(FLUID.initial, {"temperatures": [1.0], "energy": 0.0, "rng": rng()}),
        "LennardJones.forces": Call(FLUID.forces, {"x": PARTICLES, "active": active[:1]}),
        "LennardJones.energy": Call(FLUID.energy, {"x": PARTICLES}),
        "LennardJones.trajectories": Call(FLUID.trajectories, {"x": PARTICLES, "times": [0.0, 0.002]}),
        "PartialForces": Call(
            am.PartialForces,
            {"atoms": COPPER, "calculator": MorsePotential(), "halo": 5.0, "subset": None, "time_step_fs": 2.0,
             "bath_K": 300.0, "friction_per_fs": 0.01},
        ),
        "PartialForces.initial": Call(METAL.initial, {"temperatures_K": [300.0], "rng": rng()}),
        "PartialForces.atoms_of": Call(METAL.atoms_of, {"x": WARM[0]}),
        "PartialForces.forces": Call(METAL.forces, {"x": WARM, "active": active[:1]}),
        "PartialForces.energy": Call(METAL.energy, {"x": WARM}),
        "PartialForces.trajectories": Call(METAL.trajectories, {"x": WARM, "times": [0.0, 0.1], "rng": rng()}),
        "CallableForces": Call(
            am.CallableForces,
            {"function": lambda x, places: x[:, :1] + places, "n_carriers": 10, "components": 2, "time_step": 0.1},
        ),
        "make_force_data": Call(
            am.make_force_data,
            {"system": am.PredatorPreyODE(10), "starts": PREY, "times": [0.1, 0.2], "fraction": 0.5,
             "keep": lambda x: x[:, 0] > 0, "path": "forces.zip", "dtype": "float32", "rng": rng(),
             "progress": print},
        ),
        "redraw_forces": Call(
            am.redraw_forces,
            {"system": am.PredatorPreyODE(10),
             "data": am.make_force_data(am.PredatorPreyODE(10), PREY, [0.1], rng=rng()), "fraction": 0.5, "rng": rng()},
        ),
        "ForceData": Call(
            am.ForceData,
            {"states": np.zeros((4, 6)), "active": np.array([[0, 2]] * 4), "forces": np.zeros((4, 4)),
             "layout": Layout(3, 2, 1), "group": np.arange(4), "times": np.arange(4.0)},
        ),
    }  # fmt: skip
    for name, system in {"Ising": ISING, "CurieWeiss": WEISS}.items():
        table |= {
            f"{name}.at": Call(system.at, {"temperature": 3.0}),
            f"{name}.on": Call(system.on, {"lattice": SQUARE.repeat(2)}),
            f"{name}.energy": Call(system.energy, {"x": SPINS}),
            f"{name}.checked": Call(system.checked, {"x": SPINS}),
            f"{name}.carriers": Call(system.carriers, {"x": SPINS}),
            f"{name}.draw_active": Call(system.draw_active, {"x": SPINS, "m": 4, "rng": rng()}),
            f"{name}.rates": Call(system.rates, {"x": SPINS, "active": active}),
            f"{name}.events": Call(system.events, {"x": SPINS, "active": active}),
            f"{name}.evolve": Call(system.evolve, {"x": SPINS, "duration": 0.5, "active": active, "rng": rng()}),
            f"{name}.first_passage": Call(
                system.first_passage, {"x": SPINS, "duration": 0.5, "below": -0.9, "above": 0.9, "rng": rng()}
            ),
        }
    return table
