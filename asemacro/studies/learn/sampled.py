"""The systems that the verb sample knows by name: those of learn, and others with options of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.door import LATTICE, SITES, checked
from asemacro.lattice.neighbour_tables import refuse_own_neighbours, stencil_of
from asemacro.lattice.spins import random_spins
from asemacro.lattice.vector_spins import random_vectors
from asemacro.micro.spins.heisenberg import Heisenberg
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import gaussian, top_hat
from asemacro.observables.base import Observable
from asemacro.observables.joined import Observables
from asemacro.observables.spins import Magnetization
from asemacro.observables.vector_spins import VectorEnergyPerSite, VectorMagnetization
from asemacro.studies.learn.systems import MOST_FIELD, box_of, check_spin_numbers, setup, start_states
from asemacro.studies.learn.systems import NAMES as LEARNED
from asemacro.typing import Floats, Spins

NAMES = (*LEARNED, "kac-ising", "heisenberg")
OWN = {"kac-ising": ("range", "kernel"), "heisenberg": ("exchange", "anisotropy", "damping")}
"""Options of sample that only some systems have."""
KERNELS = {"top-hat": top_hat, "gaussian": gaussian}
_KAC_SITES, _KAC_RANGE, _KAC_TEMPERATURE, _KAC_UNTIL = 4096, 8.0, 1.25, 60.0


@dataclasses.dataclass(frozen=True)
class Sampled:
    """A system and how the verb sample runs it.

    Attributes:
        name: of the system.
        system: the micro system.
        phi: what is measured.
        until: end of the runs unless another one is asked for.
        starts: makes states to start from, from (start, runs, rng); start is what --start says, or None.
        bytes_a_site: of a state.
        settings: for run.json.
    """

    name: str
    system: Any
    phi: Observable
    until: float
    starts: Callable[[float | None, int, np.random.Generator], NDArray[Any]]
    bytes_a_site: float
    settings: dict[str, Any]


def sampled(name: str, *, sites: int | None, **options: Any) -> Sampled:
    """A system by name.

    Args:
        name: one of `NAMES`.
        sites: how many; the default suits the system.
        options: temperature, field and lattice, see `setup`, and those of `OWN`; None where not given.

    Raises:
        ValueError: one line; an option that the system does not have, or numbers out of range.
    """
    own = {option: options.pop(option) for names in OWN.values() for option in names}
    for option, value in own.items():
        if value is not None and option not in OWN.get(name, ()):
            raise ValueError(f"{name} has no --{option}")
    own = {option: own[option] for option in OWN.get(name, ())}
    if name == "kac-ising":
        return _kac_ising(sites, **options, **own)
    if name == "heisenberg":
        given = {"sites": sites, **options, **own}
        return _heisenberg(**{option: value for option, value in given.items() if value is not None})
    of = setup(name, sites=sites, small=sites, **options)  # as large as the small one of learn unless told otherwise
    settings = {**of.settings, "sites": of.small.lattice.n_sites}
    del settings["small"]
    return Sampled(
        name,
        of.small,
        of.phi,
        float(of.ages[-1]),
        lambda start, runs, rng: start_states(of, start, runs, rng=rng),
        16.0 if name == "predator-prey" else 1.0,
        settings,
    )


def _kac_ising(
    sites: int | None,
    *,
    temperature: float | None,
    field: float | None,
    lattice: str | None,
    range: float | None,
    kernel: str | None,
) -> Sampled:
    """Spins with many neighbours."""
    n = _KAC_SITES if sites is None else sites
    t = _KAC_TEMPERATURE if temperature is None else temperature
    h = 0.1 if field is None else field
    check_spin_numbers(t, h)
    reach = _KAC_RANGE if range is None else range
    form = "top-hat" if kernel is None else kernel
    where = "square" if lattice is None else lattice
    if form not in KERNELS:
        raise ValueError(f"--kernel {form}: must be one of {', '.join(KERNELS)}")
    system = KacIsing(box_of(where, n), KERNELS[form](reach), t, h)
    return Sampled(
        "kac-ising",
        system,
        Observables([Magnetization(), EnergyOf(system)]),
        _KAC_UNTIL,
        lambda start, runs, rng: random_spins(system.lattice, 0.0 if start is None else start, runs, rng=rng),
        1.0,
        {"sites": n, "temperature": t, "field": h, "lattice": where, "range": reach, "kernel": form},
    )


def _heisenberg(
    sites: int = 512,
    temperature: float = 1.0,
    field: float = 0.1,
    lattice: str = "cubic",
    exchange: str = "1",
    anisotropy: float = 0.0,
    damping: float = 0.1,
) -> Sampled:
    """Spins that are unit vectors, in units of the exchange."""
    couplings = _numbers(exchange)
    for option, value, least in (
        ("temperature", temperature, 0.0),
        ("damping", damping, 0.0),
        ("field", field, -MOST_FIELD),
        ("anisotropy", anisotropy, -MOST_FIELD),
        *(("exchange", value, -MOST_FIELD) for value in couplings),
    ):
        if not least <= value <= MOST_FIELD:
            raise ValueError(f"--{option} {value:g}: must be from {least:g} to {MOST_FIELD:g}")
    box = box_of(lattice, sites)
    bonds = stencil_of(box, couplings)
    try:
        refuse_own_neighbours(box, bonds)
    except ValueError as error:
        axes = sum(box.pbc)
        side = max(2, int((sites / box.n_basis) ** (1 / axes)))
        cubes = " or ".join(str(box.n_basis * n**axes) for n in (side, side + 1))
        raise ValueError(f"--sites {sites}: {error}; take {cubes}") from None
    system = Heisenberg(box, temperature, couplings, anisotropy, field, damping)
    return Sampled(
        "heisenberg",
        system,
        Observables([VectorMagnetization(), VectorEnergyPerSite(couplings, anisotropy, field)]),
        100.0,
        lambda start, n, rng: random_vectors(box, 0.0 if start is None else start, n, rng=rng),
        24.0,
        {
            "sites": sites,
            "temperature": temperature,
            "field": field,
            "lattice": lattice,
            "exchange": list(couplings),
            "anisotropy": anisotropy,
            "damping": damping,
            "time_step": system.time_step,
        },
    )


def _numbers(text: str) -> tuple[float, ...]:
    """The numbers in --exchange, one for each of the first shells."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--exchange {text}: give a number, or one for each of the first shells, as 1,0.2") from None


class EnergyOf(Observable):
    """Energy per site of the spins of a system.

    Args:
        system: with `energy`.
    """

    labels = ("energy",)

    def __init__(self, system: KacIsing) -> None:
        self._system = system

    @checked(x=SITES, lattice=LATTICE)
    def __call__(self, x: Spins, lattice: Any) -> Floats:
        """H / n of states x (batch, n_sites): (batch, 1)."""
        return self._system.energy(x)[:, None] / lattice.n_sites
