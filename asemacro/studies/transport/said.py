"""What a diffusion study says of itself: what it was run with, and what a reader of the numbers must know."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.files.store import without_nan
from asemacro.studies.alloy.inputs import listed

if TYPE_CHECKING:
    from asemacro.studies.transport.coefficients import AtTemperature
    from asemacro.studies.transport.tables import Tables

DRIFTS = 4.0  # standard errors of a change of the hop rate that is no chance
BROKEN = 4.0  # standard errors of an asymmetry that is none
FEW_HOPS = 30.0  # per atom: the order has hardly had time to change
say = logging.getLogger("asemacro")


def about(found: Tables) -> dict[str, Any]:
    """For run.json."""
    box = found.box
    return {
        "barriers": found.barriers,
        "species": list(box.species),
        "lattice": box.prototype,
        "sites": box.n_sites,
        "components": list(found.at[0].components),
        "vacancy_concentration": found.at[0].concentration,
        "vacancy_formation_energy_eV": found.thermal.formation_energy_eV,
        "temperatures": [_summary(at) for at in found.at],
    }


def _summary(at: AtTemperature) -> dict[str, Any]:
    worst, error = smallest_eigenvalue(at)
    return {
        "temperature_K": at.temperature_K,
        "runs": at.runs,
        "hops": at.hops,
        "duration_of_a_run_s": at.duration_s,
        "hop_rate_changes_by_standard_errors": without_nan(at.drift),
        "smallest_eigenvalue_of_L": worst,
        "its_error": error,
        "largest_asymmetry_in_standard_errors": float(np.abs(at.asymmetry).max()),
        "adjacent_vacancies_fraction_of_time": at.adjacent,
    }


def smallest_eigenvalue(at: AtTemperature) -> tuple[float, float]:
    """Of kT Omega L between the atoms, over all components, and the error along its eigenvector, m^2/s."""
    found = []
    for c in range(len(at.components)):
        matrix, error = at.onsager.value[1:, 1:, c], at.onsager.error[1:, 1:, c]
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
        weight = np.outer(vectors[:, 0], vectors[:, 0])
        found.append((float(values[0]), float(np.sqrt(((weight * error) ** 2).sum()))))
    return min(found)


def say_what_was_done(found: Tables) -> None:
    """One line for each thing that a reader of the numbers must know."""
    drifting = [at.temperature_K for at in found.at if abs(at.drift) > DRIFTS]
    if drifting:
        say.warning(
            "at %s K the hop rate still changes from the first to the second half of the runs: the order is not at "
            "equilibrium, give more --settle hops",
            listed(drifting),
        )
    for at in found.at:
        names = [*found.species, "L_ij"]
        curved = [name for name, straight in zip(names, at.linear, strict=True) if not straight]
        if curved:
            say.warning(
                "%g K: mean squares of %s are not linear in time within the runs, the slope at the longest lag is "
                "given; more --hops are needed",
                at.temperature_K,
                ", ".join(curved),
            )
    odd = [at.temperature_K for at in found.at if np.abs(at.asymmetry).max() > BROKEN]
    if odd:
        say.warning(
            "at %s K successive displacements of two species depend on which comes first: the barriers and those of "
            "the reverse jumps do not fit together, or the order is not at equilibrium",
            listed(odd),
        )
    crooked = [name for kind, name in enumerate(found.species) if (fit := found.arrhenius(kind)) and fit.curved]
    if crooked:
        say.warning("D of %s is not one Arrhenius law: D0 and Q are those of the best line", ", ".join(crooked))
