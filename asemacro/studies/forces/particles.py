"""Atoms of a structure file with a calculator of ASE, as the command learn runs them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ase import Atoms, units

from asemacro.arguments.checks import temperature_of
from asemacro.calculators.foreign import imported
from asemacro.calculators.named import CALCULATORS, calculator_named
from asemacro.lattice.reading.structure_file import Reading, read_structure
from asemacro.lattice.recognition.crystal import read_crystal
from asemacro.micro.particles.movable import check_movable
from asemacro.micro.particles.partial_forces import PartialForces
from asemacro.observables.differentiable import DifferentiableObservable, TorchObservable
from asemacro.observables.kinetic_temperature import KineticTemperature
from asemacro.studies.forces.systems import COMPONENTS, ForceSetup

OBSERVABLES, ENSEMBLES = ("temperature",), ("nve", "langevin")
KELVIN = 300.0
SPREAD = (0.5, 1.5)  # of the temperatures of the starts, over the given one


@dataclasses.dataclass(frozen=True)
class Particles:
    """What `learn particles` was asked for.

    Attributes:
        structure: file.
        reading: how it is to be read.
        calculator: a word of `calculators`, or MODULE:FACTORY.
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
        read_structure(asked.structure, **asked.reading)  # what is wrong with the file comes first
        raise ValueError(f"learn particles needs --calculator {', '.join(CALCULATORS)} or MODULE:FACTORY")
    ensemble = asked.ensemble or "nve"
    if ensemble not in ENSEMBLES:
        raise ValueError(f"--ensemble {ensemble}: give one of {', '.join(ENSEMBLES)}")
    kelvin = KELVIN if asked.temperature is None else temperature_of(asked.temperature, "--temperature")
    atoms = read_structure(asked.structure, **asked.reading)
    if "occupancy" in atoms.info and read_crystal(atoms).occupancy is not None:
        raise ValueError(
            f"{asked.structure} has sites with partial occupancies, particles are definite atoms; give a file of "
            "those, as a POSCAR is (structures/NbMoTa_128.POSCAR of the repository is one)"
        )
    try:
        check_movable(atoms)
    except ValueError as error:
        raise ValueError(f"{asked.structure}: {error}") from None
    calculator = calculator_named(asked.calculator, atoms.get_chemical_symbols())
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
        axes=("T (K)",) if isinstance(phi, KineticTemperature) else (),
        time=float(units.fs),
    )


def observable_named(name: str, atoms: Atoms) -> DifferentiableObservable:
    """The temperature in kelvin, or a function of torch of states (batch, 6 N): one value a state.

    Raises:
        ValueError: one line that names the option.
    """
    if name == "temperature":
        return KineticTemperature(len(atoms), atoms.get_masses(), k_B=units.kB)
    function = imported(name, "--observable", OBSERVABLES)
    return TorchObservable(function, (name.partition(":")[2],))
