"""What a reader of an anneal must know: chosen, extrapolated or left out, one line each."""

from __future__ import annotations

import logging
import math

import numpy as np

from asemacro.studies.furnace.kinetics import Kinetics
from asemacro.studies.furnace.order import AnnealedOrder
from asemacro.studies.furnace.schedule import in_words
from asemacro.studies.furnace.vacancies import DILUTE, EVERYWHERE, NOWHERE, Vacancies

say = logging.getLogger("asemacro")


def say_what_was_done(found: AnnealedOrder, kinetics: Kinetics) -> None:
    """One line for each thing that was chosen, extrapolated or left out."""
    say.info("%s", of_vacancies(found.vacancies))
    for before, after in found.schedule.jumps:
        say.info("quench from %g to %g K between two stages: it takes no time", before, after)
    for line in (of_range(found, kinetics), of_dilution(found), of_extrapolation(found)):
        if line:
            say.warning("%s", line)


def of_vacancies(vacancies: Vacancies) -> str:
    """Where the vacancies come from."""
    energy = vacancies.formation_energy_eV
    if energy is None:
        return (
            f"no vacancy formation energy: {vacancies.simulated:.3g} vacancies a site at all times, as in the "
            "simulations, and furnace time is their time"
        )
    law = f"vacancies: exp({vacancies.formation_entropy_kB:g} - {energy:g} eV / kT) a site at equilibrium"
    if vacancies.sinks_m == EVERYWHERE:
        return f"{law}, at every moment (sinks everywhere; other sinks with --sinks, sinks_m)"
    if vacancies.sinks_m == NOWHERE:
        return f"{law}; without sinks as many as at the first temperature, always"
    return (
        f"{law}; grains of radius {vacancies.sinks_m:.3g} m supply and take them up, with D_V of a walk without "
        "memory, an upper bound"
    )


def of_range(found: AnnealedOrder, kinetics: Kinetics) -> str:
    """Where the programme leaves the temperatures that were learned from; empty if nowhere."""
    low, high = found.schedule.lowest_K, found.schedule.highest_K
    parts = []
    if high > kinetics.highest_K * (1 + 1e-9):
        parts.append(f"above {kinetics.highest_K:g} K (up to {high:g} K)")
    if low < kinetics.lowest_K * (1 - 1e-9):
        parts.append(f"below {kinetics.lowest_K:g} K (down to {low:g} K)")
    if not parts:
        return ""
    return (
        f"{' and '.join(parts)} nothing was learned: the rates go on by Arrhenius, and the order tends to that of the "
        "nearest learned temperature, with a bar that holds the trend of equilibrium; marked in figure and table"
    )


def of_dilution(found: AnnealedOrder) -> str:
    """Where vacancies are too many for rates in proportion to their number; empty if nowhere."""
    most = float(found.vacancies_per_site.max())
    if most <= DILUTE:
        return ""
    return (
        f"up to {most:.2g} vacancies a site: above {DILUTE:g} they meet, and rates are not proportional to their number"
    )


def of_extrapolation(found: AnnealedOrder) -> str:
    """Where order comes from what was not simulated; empty if nowhere."""
    if not found.extrapolated.any():
        return ""
    first = int(np.argmax(found.extrapolated))
    when = in_words(found.times_s[first]) if found.times_s[first] > 0 else "0 s"
    return (
        f"from {when} on ({found.temperatures_K[first]:g} K) the order lies beyond what was simulated, and is "
        "extrapolated towards equilibrium; marked in figure and table"
    )


def of_cooling(found: AnnealedOrder) -> str:
    """The cooling rate below which the order of the last temperature is reached; empty for a programme without one."""
    cooling = found.cooling
    if cooling is None:
        return ""
    last = float(cooling.temperatures_K[-1])
    rate, simulated = cooling.at(last)
    way = f"cooling from equilibrium at {cooling.from_K:g} K"
    unsure = "" if simulated else "; equilibrium there is extrapolated"
    if rate == 0:
        return f"{way}: at no rate looked at is every pair within its bar of equilibrium at {last:g} K{unsure}"
    if math.isinf(rate):
        return f"{way}: at any rate every pair stays within its bar of equilibrium down to {last:g} K{unsure}"
    return (
        f"{way} slower than {rate:.2g} K/s keeps every pair within its bar (one standard error) of equilibrium down to "
        f"{last:g} K{unsure}"
    )
