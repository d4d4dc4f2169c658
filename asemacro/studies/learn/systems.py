"""The systems that the verbs know by name, with starts, ages and enlargement that suit them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.prototypes import PROTOTYPES
from asemacro.lattice.reading.structure_file import read_structure
from asemacro.lattice.spins import random_spins
from asemacro.micro.fields.predator_prey import PredatorPrey, random_cosines
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.ising import Ising
from asemacro.observables.field_mean import FieldMean
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.upsampling.ensemble import Start, log_ages, magnetised
from asemacro.upsampling.interpolation import interpolate
from asemacro.upsampling.tiling import larger_lattice, mosaic

NAMES = ("ising", "curie-weiss", "predator-prey")
SPIN_TEMPERATURES, MOST_FIELD = (0.01, 1e4), 1e4
_NAMED = {"cubic": "sc"}


@dataclasses.dataclass(frozen=True)
class Setup:
    """A system and how the verbs run it.

    Attributes:
        name: of the system.
        small: the small micro system.
        copies: sites of the large system over those of the small one.
        phi: the observables z*.
        how: the way of upsampling, see `upsample`.
        trajectories: small runs of each start.
        ages: of the snapshots.
        n_starts: how many starts make the default training set.
        starts: makes n starts from (n, rng).
        degrees: largest degrees of drift and diffusion with k variables.
        settings: for run.json.
    """

    name: str
    small: Any
    copies: int
    phi: Any
    how: Callable[..., tuple[Any, NDArray[Any]]]
    trajectories: int
    ages: NDArray[np.float64]
    n_starts: int
    starts: Callable[[int, np.random.Generator], list[Start]]
    degrees: Callable[[int], tuple[int, int] | None]
    settings: dict[str, Any]


def setup(
    name: str,
    *,
    sites: int | None = None,
    small: int | None = None,
    temperature: float | None = None,
    field: float | None = None,
    lattice: str | None = None,
) -> Setup:
    """A system by name.

    Args:
        name: "ising", "curie-weiss" or "predator-prey".
        sites: of the large system; default 4096 spins, 200 grid points.
        small: of the small one; default 256 spins, 100 grid points.
        temperature: of spins in units of the coupling; default 2.5 (ising), 1.1 (curie-weiss).
        field: of spins; default 0.1.
        lattice: of ising: a name as in `Lattice.from_prototype`, or a structure file; default "square".

    Raises:
        ValueError: one line; an unknown system, an option that it does not have, or numbers out of range.
    """
    if name not in NAMES:
        raise ValueError(f"there is no system {name!r}; there are {', '.join(NAMES)}, and alloy STRUCTURE")
    spins = name != "predator-prey"
    n = (4096 if spins else 200) if sites is None else sites
    n_small = (256 if spins else 100) if small is None else small
    if n_small < 1 or n < n_small or n % n_small:
        raise ValueError(f"--sites {n} must be a multiple of --small {n_small}")
    for option, value, has in (
        ("--temperature", temperature, spins),
        ("--field", field, spins),
        ("--lattice", lattice, name == "ising"),
    ):
        if value is not None and not has:
            raise ValueError(f"{name} has no {option}")
    if not spins:
        return _prey(n, n_small)
    t = (2.5 if name == "ising" else 1.1) if temperature is None else temperature
    return _spins(name, n, n_small, t, 0.1 if field is None else field, lattice or "square")


def _prey(sites: int, small: int) -> Setup:
    """Fields on a chain with open ends, from the published starts."""
    return Setup(
        "predator-prey",
        PredatorPrey(Lattice.chain(1.0, (), small).opened(0)),
        sites // small,
        FieldMean(),
        interpolate,
        trajectories=1,
        ages=np.linspace(0.0, 30.0, 31),
        n_starts=150,
        starts=lambda count, rng: [random_cosines] * count,
        degrees=lambda k: (3, 2),
        settings={"sites": sites, "small": small},
    )


def _spins(name: str, sites: int, small: int, temperature: float, field: float, lattice: str) -> Setup:
    """Spins of "ising" or "curie-weiss"; ValueError for a temperature or a field out of range."""
    check_spin_numbers(temperature, field)
    system: Any
    settings: dict[str, Any] = {"sites": sites, "small": small, "temperature": temperature, "field": field}
    if name == "ising":
        system = Ising(box_of(lattice, small), temperature, field=field)
        phi: Any = Observables([Magnetization(), DomainWallDensity()])
        settings["lattice"] = lattice
    else:
        system, phi = CurieWeiss(small, temperature, field=field), Magnetization()
    copies = sites // small
    larger_lattice(system.lattice, copies)
    return Setup(
        name,
        system,
        copies,
        phi,
        mosaic,
        trajectories=copies,
        ages=log_ages(0.1, 60.0 if name == "ising" else 30.0, 16),
        n_starts=120,
        starts=lambda count, rng: magnetised(rng.uniform(-1, 1, count)),
        degrees=lambda k: None,
        settings=settings,
    )


def check_spin_numbers(temperature: float, field: float) -> None:
    """Refuse a temperature or a field of spins that is out of range."""
    low, high = SPIN_TEMPERATURES
    if not low <= temperature <= high:
        raise ValueError(
            f"--temperature {temperature:g}: must be from {low:g} to {high:g} in units of the coupling; below it no "
            "spin flips"
        )
    if not abs(field) <= MOST_FIELD:
        raise ValueError(f"--field {field:g}: must be from -{MOST_FIELD:g} to {MOST_FIELD:g} in units of the coupling")


def box_of(lattice: str, sites: int) -> Lattice:
    """The most cubic box of exactly so many sites of a lattice, by its name or from a structure file.

    Raises:
        ValueError: neither a name nor a file, or sites that whole unit cells do not give.
    """
    name = _NAMED.get(lattice, lattice)
    if name in PROTOTYPES:
        unit = Lattice.from_prototype(name, 1.0, "X", 1)
    else:
        try:
            unit = Lattice.from_atoms(read_structure(lattice))
        except ValueError as error:
            raise ValueError(f"--lattice {lattice}: not one of {', '.join(PROTOTYPES)}, nor a file: {error}") from None
    if sites % unit.n_sites:
        raise ValueError(f"{sites} sites are not whole cells of {unit.n_sites} sites of the lattice {lattice}")
    return larger_lattice(unit, sites // unit.n_sites)


def start_states(setup_: Setup, start: float | None, batch: int, *, rng: np.random.Generator) -> NDArray[Any]:
    """Small states for microscopic runs: spins of magnetisation `start` (default 0), or random published fields.

    Raises:
        ValueError: a start for fields, or a magnetisation outside [-1, 1].
    """
    if setup_.name == "predator-prey":
        if start is not None:
            raise ValueError("predator-prey starts from the published cosines; leave --start out")
        return random_cosines(setup_.small.lattice, batch, rng=rng)
    return random_spins(setup_.small.lattice, 0.0 if start is None else start, batch, rng=rng)
