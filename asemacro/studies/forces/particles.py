"""Atoms of a structure file with a calculator of ASE, as the command learn runs them."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Any

import torch
from ase import Atoms, units

from asemacro.arguments.checks import temperature_of
from asemacro.files.reading import plain
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.micro.particles.partial_forces import PartialForces
from asemacro.observables.differentiable import DifferentiableObservable, TorchObservable
from asemacro.observables.kinetic_temperature import KineticTemperature
from asemacro.studies.forces.systems import COMPONENTS, ForceSetup

CALCULATORS, OBSERVABLES, ENSEMBLES = ("emt", "lj"), ("temperature",), ("nve", "langevin")
ARGON = {"sigma": 3.405, "epsilon": 0.0103, "rc": 8.5}  # angstrom and eV
KELVIN = 300.0
SPREAD = (0.5, 1.5)  # of the temperatures of the starts, over the given one


@dataclasses.dataclass(frozen=True)
class Particles:
    """What `learn particles` was asked for.

    Attributes:
        structure: file.
        reading: how it is to be read.
        calculator: "emt", "lj" or MODULE:FACTORY.
        observable: "temperature" or MODULE:FUNCTION.
        ensemble: "nve" or "langevin".
        temperature: K; None for 300.
    """

    structure: str | Path
    reading: Reading
    calculator: str | None
    observable: str | None
    ensemble: str | None
    temperature: float | None


def particle_setup(asked: Particles) -> ForceSetup:
    """Runs from the atoms of the file with one set of directions of velocities, at different temperatures.

    Raises:
        ValueError: one line; no structure, no calculator of that name or without forces, no such observable.
    """
    if asked.calculator is None:
        raise ValueError("learn particles needs --calculator emt, lj or MODULE:FACTORY")
    ensemble = asked.ensemble or "nve"
    if ensemble not in ENSEMBLES:
        raise ValueError(f"--ensemble {ensemble}: give one of {', '.join(ENSEMBLES)}")
    kelvin = KELVIN if asked.temperature is None else temperature_of(asked.temperature, "--temperature")
    atoms = read_structure(asked.structure, **asked.reading)
    calculator = calculator_named(asked.calculator, atoms)
    try:
        system = PartialForces(atoms, calculator, bath_K=kelvin if ensemble == "langevin" else None)
    except TypeError as error:
        raise ValueError(f"--calculator {asked.calculator}: {error}") from None
    phi = observable_named(asked.observable or "temperature", atoms)
    low, high = (kelvin * end for end in SPREAD)
    return ForceSetup(
        system,
        phi,
        lambda count, rng: system.initial(rng.uniform(low, high, count), rng=rng),
        until=100.0,
        settings={
            "structure": str(asked.structure),
            "calculator": asked.calculator,
            "observable": asked.observable or "temperature",
            "ensemble": ensemble,
            "temperature": kelvin,
        },
        isolated=PartialForces(atoms, calculator, halo=system.halo or 1.0),  # all its forces: any halo will do
        least=(0.0,) if isinstance(phi, KineticTemperature) else (),
        dims=3,
        beside=16,
        fraction=1 / 8,
        encoder_options=COMPONENTS,
        trajectories=12,
        times=51,
        unit="fs",
        time=float(units.fs),
    )


def calculator_named(name: str, atoms: Atoms) -> Any:
    """A calculator of ASE: EMT, Lennard-Jones argon, or what a factory gives.

    Raises:
        ValueError: one line that names the option.
    """
    if name == "emt":
        from ase.calculators.emt import EMT

        return EMT()
    if name == "lj":
        from ase.calculators.lj import LennardJones

        if set(atoms.get_chemical_symbols()) != {"Ar"}:
            raise ValueError("--calculator lj is argon; for other atoms give MODULE:FACTORY")
        return LennardJones(**ARGON)
    return _called(_imported(name, "--calculator", CALCULATORS), f"--calculator {name}")


def observable_named(name: str, atoms: Atoms) -> DifferentiableObservable:
    """The temperature in kelvin, or a function of torch of states (batch, 6 N): one value a state.

    Raises:
        ValueError: one line that names the option.
    """
    if name == "temperature":
        return KineticTemperature(len(atoms), atoms.get_masses(), k_B=units.kB)
    function = _imported(name, "--observable", OBSERVABLES)

    def of_states(x: torch.Tensor) -> torch.Tensor:
        z = _called(lambda: function(x), f"--observable {name}")
        return z[:, None] if isinstance(z, torch.Tensor) and z.ndim == 1 else z

    return TorchObservable(of_states, (name.partition(":")[2],))


def _imported(name: str, option: str, known: tuple[str, ...]) -> Any:
    """What MODULE:NAME stands for; modules of the present folder too."""
    module, colon, attribute = name.partition(":")
    if not (colon and module and attribute):
        raise ValueError(f"{option} {name}: give {', '.join(known)} or MODULE:NAME, a function of Python")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = vars(importlib.import_module(module)).get(attribute)
    except Exception as error:  # whatever a foreign module does
        raise ValueError(f"{option} {name}: the module {module} does not import: {plain(error)}") from None
    if not callable(found):
        raise ValueError(f"{option} {name}: the module {module} has no function {attribute}")
    return found


def _called(function: Any, option: str) -> Any:
    """What a foreign function gives."""
    try:
        return function()
    except Exception as error:
        raise ValueError(f"{option} fails: {plain(error)}") from None
