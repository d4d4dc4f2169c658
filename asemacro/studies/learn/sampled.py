"""The systems that the verb sample knows by name: those of learn, and others with options of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.arguments.door import LATTICE, SITES, checked
from asemacro.lattice.spins import random_spins, spins_to_atoms
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import gaussian, top_hat
from asemacro.observables.base import Observable
from asemacro.observables.joined import Observables
from asemacro.observables.spins import Magnetization
from asemacro.studies.learn.systems import NAMES as LEARNED
from asemacro.studies.learn.systems import box_of, check_spin_numbers, setup, start_states
from asemacro.typing import Floats, Spins

NAMES = (*LEARNED, "kac-ising")
OWN = {"kac-ising": ("range", "kernel")}
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
        to_atoms: a state as ASE atoms, from (x, lattice).
        bytes_a_site: of a state.
        settings: for run.json.
    """

    name: str
    system: Any
    phi: Observable
    until: float
    starts: Callable[[float | None, int, np.random.Generator], NDArray[Any]]
    to_atoms: Callable[[NDArray[Any], Any], Any]
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
    if name == "kac-ising":
        return _kac_ising(sites, **options, **own)
    of = setup(name, sites=sites, small=sites, **options)  # as large as the small one of learn unless told otherwise
    settings = {**of.settings, "sites": of.small.lattice.n_sites}
    del settings["small"]
    return Sampled(
        name,
        of.small,
        of.phi,
        float(of.ages[-1]),
        lambda start, runs, rng: start_states(of, start, runs, rng=rng),
        of.to_atoms,
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
        spins_to_atoms,
        1.0,
        {"sites": n, "temperature": t, "field": h, "lattice": where, "range": reach, "kernel": form},
    )


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
