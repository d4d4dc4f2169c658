"""What users hand in: temperature lists, the choice of a barrier model, the boxes."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from asemacro.arguments.checks import bound_of_memory, temperature_of
from asemacro.barriers.base import BarrierModel
from asemacro.studies.alloy.mobility import check_mobile

if TYPE_CHECKING:
    from asemacro.lattice.lattice import Lattice

MOST_REPEATS = 9
MOST_TEMPERATURES = 1000
say = logging.getLogger("asemacro")


def parse_temperatures(text: str) -> list[float]:
    """Temperatures in K from "START:STOP:STEP" (the end included) or "T1,T2,...".

    Returns:
        Increasing, distinct temperatures.
    """
    advice = f"--temperatures {text}: give START:STOP:STEP or a comma-separated list, in K"
    try:
        values = [float(part) for part in (text.split(":") if ":" in text else text.split(","))]
    except ValueError:
        raise ValueError(advice) from None
    if ":" in text:
        if len(values) != 3:
            raise ValueError(f"{advice}; START:STOP:STEP are three numbers, here are {len(values)}")
        if not np.isfinite(values).all() or values[2] <= 0 or values[1] < values[0]:
            raise ValueError(f"{advice}; STOP must not lie below START and STEP must be positive")
        start, stop, step = values
        steps = (stop - start) / step + 1e-9
        if steps >= MOST_TEMPERATURES:
            raise ValueError(f"{advice}; these are more than {MOST_TEMPERATURES} temperatures, give a larger STEP")
        values = [start + i * step for i in range(math.floor(steps) + 1)]
    return check_temperatures(values)


def check_temperatures(values: Sequence[float]) -> list[float]:
    """Sorted distinct temperatures in K; ValueError unless all are in range (`temperature_of`) and not too many."""
    kelvin = {temperature_of(value, "a temperature") for value in values}
    if not kelvin:
        raise ValueError("no temperature given")
    if len(kelvin) > MOST_TEMPERATURES:
        raise ValueError(f"{len(kelvin)} temperatures: at most {MOST_TEMPERATURES} are taken at once")
    return sorted(kelvin)


def listed(temperatures_K: Sequence[float]) -> str:
    """Temperatures as words: 400, 600 and 800."""
    *first, last = (f"{t:g}" for t in temperatures_K)
    return f"{', '.join(first)} and {last}" if first else last


DEFAULTS = ("refractory", "cocrfeni")
"""Pretrained models that are taken by themselves, all with an energy: the first that knows the lattice and species."""


def choose_barriers(barriers: str | Path | BarrierModel | None, lattice: Lattice) -> BarrierModel:
    """The model that was asked for, or the default one for this lattice and its species, of `DEFAULTS`.

    Args:
        barriers: model, its name or file; None for the default one.
        lattice: with the species of the alloy.

    Raises:
        ValueError: one line naming each model's species and lattice if none covers the species; a sublattice, for
            which there is no default.
    """
    from asemacro.barriers.load import available, load_barriers

    if barriers is not None:
        return load_barriers(barriers) if isinstance(barriers, (str, Path)) else barriers
    species = lattice.species
    if lattice.spectators is not None:  # those that there are know metals, with nothing between them
        raise ValueError(
            f"no barrier model is made for {'-'.join(species)} beside {', '.join(lattice.spectators.elements)}; give "
            "--barriers FILE: pair energies of the sublattice, or a network trained on barriers in this crystal"
        )
    for name in DEFAULTS:
        model = load_barriers(name)
        if model.prototype == lattice.prototype and set(species) <= set(model.species or ()):
            return model
    known = "; ".join(
        f"{name}: {'-'.join(model.species or ())} on {model.prototype}"
        for name, model in ((name, load_barriers(name)) for name in available())
    )
    raise ValueError(
        f"no barrier model for {'-'.join(species)} on {lattice.prototype or 'this lattice'} ({known}); give "
        "--barriers FILE: pair energies, or a network by `asemacro barriers learn`"
    )


def contents_of(model: BarrierModel, lattice: Lattice) -> list[Any]:
    """What the barriers of a model and its members are made of, for `content.digest`, whatever its name is."""
    return [[one.compile(lattice), dict(one.attempt_frequency_Hz or {})] for one in (model, *model.members())]


class Boxes(NamedTuple):
    """The small box that is simulated and the large one that is predicted.

    Attributes:
        small: lattice of the small box.
        large: lattice of the large one, which the small one tiles.
        copies: K, small boxes in the large one.
        counts: of each species and of vacancies ("X") in the small box; the large one has K times as many.
    """

    small: Lattice
    large: Lattice
    copies: int
    counts: dict[str, int]

    @property
    def large_counts(self) -> dict[str, int]:
        """Counts of the large box, exactly proportional."""
        return {symbol: self.copies * count for symbol, count in self.counts.items()}

    @property
    def vacancies(self) -> int:
        """In the large box."""
        return self.copies * self.counts["X"]

    @property
    def concentration(self) -> float:
        """Of vacancies, per site."""
        return self.counts["X"] / self.small.n_sites


def large_enough(box: Lattice, model: BarrierModel) -> Lattice:
    """The box, or the smallest repetition of it in which the neighbours that the model looks at do not coincide.

    Raises:
        ValueError: the model is not for this lattice or these species.
    """
    BarrierModel.check(model, box)  # of any size: the model's own check may ask for a larger cell
    for times in range(1, MOST_REPEATS):
        larger = box.repeat(times)
        try:
            model.compile(larger)
        except ValueError:
            continue
        if times > 1:
            say.warning(
                "the box of %d sites is repeated %d times along each axis: neighbours of %s would coincide in it",
                box.n_sites,
                times,
                model.name,
            )
        return larger
    model.compile(box)  # says what is wrong
    return box


def choose_boxes(
    lattice: Lattice,
    model: BarrierModel,
    sites: int,
    small: int,
    vacancies: int | None,
    concentration: float | None,
) -> Boxes:
    """Repeat the input to the small box and that to the large one.

    Args:
        lattice: the input.
        model: barriers; the small box is made large enough for it.
        sites: least number of sites of the large box.
        small: least number of sites of the small box.
        vacancies: number in the large box; None to use the concentration.
        concentration: per site; None for what occupancies leave vacant, else 1/1024. At least one vacancy a small box.

    Returns:
        Boxes whose compositions, vacancies included, are exactly proportional.
    """
    if sites < 1 or small < 1:
        raise ValueError(f"a box needs at least one site, {min(sites, small)} asked for")
    small_lattice = large_enough(lattice.at_least(small), model)
    large = small_lattice.at_least(sites)
    copies = large.n_sites // small_lattice.n_sites
    if vacancies is not None and vacancies >= large.n_sites:
        raise ValueError(f"{vacancies} vacancies do not fit on {large.n_sites} sites")
    concentration = concentration_of(lattice, vacancies, concentration, "so do the boxes")
    n_small = vacancies_in(small_lattice.n_sites, None if vacancies is None else vacancies / copies, concentration)
    counts = small_lattice.counts(vacancies=n_small)
    names = ("X", *small_lattice.species)
    return Boxes(small_lattice, large, copies, {name: int(n) for name, n in zip(names, counts, strict=True)})


def check_boxes(boxes: Boxes, model: BarrierModel, temperatures_K: Sequence[float], seeds: int) -> None:
    """Refuse, before anything is run, boxes beyond memory and temperatures at which nothing moves.

    Args:
        boxes: small and large one.
        model: barriers.
        temperatures_K: of the runs.
        seeds: sets of small runs that tile the large box.
    """
    # the states of all small runs of a temperature, and the random numbers that the large one is drawn with
    bound_of_memory(25.0 * boxes.large.n_sites * seeds, f"the {seeds * boxes.copies} small runs of a temperature")
    own = np.random.default_rng(0)  # looks at typical barriers; no result depends on it
    check_mobile(model, boxes.small, boxes.small.random_state(boxes.counts, batch=8, rng=own), temperatures_K)


def concentration_of(
    lattice: Lattice, vacancies: float | None, concentration: float | None, consequence: str
) -> float | None:
    """The vacancies per site that are asked for; without any word on them, what occupancies leave, which is said.

    Args:
        lattice: the alloy.
        vacancies: their number, or None.
        concentration: asked for, or None.
        consequence: ends the line, "so do the boxes".
    """
    if vacancies is None and concentration is None and lattice.vacant:
        say.info("the occupancies leave %.4g %% of the sites vacant, %s", 100 * lattice.vacant, consequence)
        return lattice.vacant
    return concentration


def vacancies_in(sites: int, vacancies: float | None, concentration: float | None) -> int:
    """Number of vacancies of a box, at least one; a fraction is rounded."""
    if vacancies is not None and concentration is not None:
        raise ValueError("give either --vacancies or --vacancy-concentration, not both")
    if vacancies is None:
        concentration = 1 / 1024 if concentration is None else concentration
        if not (math.isfinite(concentration) and 0 < concentration < 1):
            raise ValueError(f"vacancy concentration {concentration:g}: must lie between 0 and 1")
        vacancies = concentration * sites
    elif vacancies <= 0:
        raise ValueError(f"{vacancies:g} vacancies: at least one is needed")
    count = max(1, round(vacancies))
    if count >= sites:
        raise ValueError(f"{count} vacancies do not fit on {sites} sites")
    return count
