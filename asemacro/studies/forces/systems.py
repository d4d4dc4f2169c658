"""The deterministic systems that the command learn knows by name, with starts, times and sizes that suit them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.closure.autoencoder import EncoderOptions
from asemacro.macro.ode_fit import OdeFitOptions
from asemacro.micro.fields.allen_cahn import AllenCahn
from asemacro.micro.fields.predator_prey_ode import PredatorPreyODE
from asemacro.micro.force_system import ForceSystem
from asemacro.micro.particles.lennard_jones import LennardJones
from asemacro.observables.differentiable import DifferentiableObservable
from asemacro.observables.ginzburg_landau import GinzburgLandauEnergy
from asemacro.observables.kinetic_temperature import KineticTemperature
from asemacro.observables.species_means import SpeciesMeans
from asemacro.typing import Floats

NAMES = ("predator-prey-ode", "allen-cahn", "lennard-jones", "particles")
LEAST_CELLS = 100  # of Allen-Cahn rings: all starts of ten by ten cells have LEAST_ENERGY, of six by six a third
LEAST_ENERGY = 0.1  # of an Allen-Cahn state with a ring, for each cell along an edge; a whole one has 1
TEMPERATURES = (0.5, 1.5)  # of the starts of a Lennard-Jones fluid, as published
MOST_TEMPERATURE = 1000.0  # pairs that meet come as near as 0.6, where 624 / r^14 allows of steps up to 0.0025
ENCODER = EncoderOptions(epochs=20, batch_size=128)
COMPONENTS = EncoderOptions(epochs=1, batch_size=256, learning_rate=1e-6)  # it stays at the principal components
FIT = OdeFitOptions(steps=1500, batch_size=256)


@dataclasses.dataclass(frozen=True)
class ForceSetup:
    """A deterministic system and how the command runs it.

    Attributes:
        system: whose states and forces are learned from.
        phi: the observables z*.
        starts: makes n starts from (n, rng).
        until: end of the runs, in `unit`.
        settings: for run.json.
        isolated: the system of the runs that the model is compared with; default `system`.
        keep: of states (b, N) those that are learned from, (b,) truth values; default all.
        least: (s,) values that the observables never go below.
        dims: variables that an encoder adds to the equation.
        beside: more of them, whose rates are estimated along and left out, see `ForceFit`.
        fraction: part of the carriers whose forces are computed.
        trajectories: runs that are learned from.
        times: at which their states are taken.
        drift: form of the equation.
        unit: of time, for people.
        axes: names of the observables with their units, for figures; default those without.
        time: one `unit` in the unit of the system.
        encoder_options: of `fit_encoder`.
        fit_options: of `fit_ode`.
    """

    system: ForceSystem
    phi: DifferentiableObservable
    starts: Callable[[int, np.random.Generator], Floats]
    until: float
    settings: dict[str, Any]
    isolated: ForceSystem | None = None
    keep: Callable[[Floats], NDArray[np.bool_]] | None = None
    least: tuple[float, ...] = ()
    dims: int = 2
    beside: int = 0
    fraction: float = 0.2
    trajectories: int = 60
    times: int = 61
    drift: str = "onsager"
    unit: str = "time"
    axes: tuple[str, ...] = ()
    time: float = 1.0
    encoder_options: EncoderOptions = ENCODER
    fit_options: OdeFitOptions = FIT


def force_setup(name: str, sites: int | None, temperature: float | None) -> ForceSetup:
    """A system by name; particles have a structure, see `particles.particle_setup`.

    Args:
        name: "predator-prey-ode", "allen-cahn" or "lennard-jones".
        sites: cells or atoms; default 50, 2500, 256.
        temperature: of a Lennard-Jones fluid, mean over its starts; default 1.

    Raises:
        ValueError: one line; sizes out of range, or a temperature of what has none.
    """
    if name == "lennard-jones":
        return _lennard_jones(256 if sites is None else sites, 1.0 if temperature is None else temperature)
    if temperature is not None:
        raise ValueError(f"{name} has no --temperature")
    return _prey(50 if sites is None else sites) if name == "predator-prey-ode" else _allen_cahn(sites or 2500)


def _prey(n: int) -> ForceSetup:
    """Fields on a chain, from the published starts."""
    system = PredatorPreyODE(n)
    return ForceSetup(
        system,
        SpeciesMeans(),
        lambda count, rng: system.initial(count, rng=rng),
        until=30.0,
        settings={"sites": n},
        isolated=PredatorPreyODE(n, scheme="rk4"),
    )


def _allen_cahn(cells: int) -> ForceSetup:
    """Rings that shrink; a state without a ring has no gradient of the energy, and is left out."""
    if cells < LEAST_CELLS:
        raise ValueError(f"--sites {cells}: so few cells hold no ring; give {LEAST_CELLS} or more")
    n = math.isqrt(cells)
    if n * n != cells:
        raise ValueError(f"--sites {cells}: a square grid has {n**2} or {(n + 1) ** 2} cells, not {cells}")
    system = AllenCahn(n, time_step=0.25 / n**2)
    return ForceSetup(
        system,
        GinzburgLandauEnergy(n, system.epsilon),
        lambda count, rng: system.initial(count, rng=rng),
        until=0.03,
        settings={"sites": cells},
        keep=lambda x: system.energy(x) > LEAST_ENERGY * n,
        least=(0.0,),
        dims=3,
        fraction=1 / 25,
        trajectories=50,
        encoder_options=EncoderOptions(epochs=20, batch_size=256),  # interfaces that move are no principal components
    )


def _lennard_jones(n: int, temperature: float) -> ForceSetup:
    """One packing of atoms with one set of directions of velocities, let go at different temperatures."""
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"--temperature {temperature:g}: a Lennard-Jones fluid needs one above 0, in reduced units")
    if temperature > MOST_TEMPERATURE:
        raise ValueError(
            f"--temperature {temperature:g}: the steps of the runs are too long for such fast atoms; give at most "
            f"{MOST_TEMPERATURE:g}, in reduced units"
        )
    system = LennardJones(n)
    low, high = (temperature * end for end in TEMPERATURES)
    return ForceSetup(
        system,
        KineticTemperature(n),
        lambda count, rng: system.initial(rng.uniform(low, high, count), rng=rng),
        until=0.25,
        settings={"sites": n, "temperature": temperature},
        least=(0.0,),
        dims=3,
        beside=20,
        fraction=1 / 16,
        trajectories=50,
        times=51,
        encoder_options=COMPONENTS,
    )
