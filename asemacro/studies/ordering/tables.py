"""The tables of an equilibrium, and what is said of the temperature of order."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from asemacro.studies.ordering.chains import Sampled
from asemacro.studies.ordering.levels import Level
from asemacro.studies.ordering.sentences import heat_lines, order_lines
from asemacro.studies.ordering.transition import Curves, Ordering

ORDER = (
    *("temperature_K", "sites", "pair", "shell", "neighbours", "alpha", "alpha_err", "delta", "delta_err"),
    *("random_alpha", "random_alpha_sd", "random_delta", "random_delta_sd", "equilibrated"),
)
THERMODYNAMICS = (
    *("temperature_K", "sites", "energy_eV", "energy_err", "heat_capacity_kB", "heat_capacity_err"),
    *("star", "order_parameter", "order_parameter_err", "order_fluctuation", "order_fluctuation_err"),
    *("random_order_parameter", "random_order_parameter_sd", "equilibrated"),
)
Rows = list[tuple[Any, ...]]


@dataclasses.dataclass(frozen=True)
class EquilibriumTables:
    """Equilibrium of an alloy over temperature, as tables and sentences.

    Attributes:
        temperatures_K: that were asked for.
        sampled: the small and the large box.
        levels: what each says at its temperatures.
        curves: of each; None where too few temperatures are at equilibrium.
        common_K: temperatures at which both are at equilibrium.
        orderings: of each star of waves.
        about: what was run, for captions and run.json.
    """

    temperatures_K: Sequence[float]
    sampled: Sequence[Sampled]
    levels: Sequence[Sequence[Level]]
    curves: Sequence[Curves | None]
    common_K: np.ndarray
    orderings: Sequence[Ordering]
    about: dict[str, Any]

    @property
    def ordered(self) -> list[Ordering]:
        """The kinds of long-range order that the alloy has at the cold end."""
        return [one for one in self.orderings if one.ordered]

    @property
    def leading(self) -> int:
        """The star of most order: ordered if any is, and farthest above the random alloy at any temperature."""
        large = self.sampled[1]
        n = len(self.orderings)
        good = [level.order for level in self.levels[1] if level.equilibrated] or [self.levels[1][-1].order]
        excess = np.max(np.square(good) - large.random.waves[:n] ** 2, axis=0)
        return int(np.argmax(excess + np.array([1.0 * one.ordered for one in self.orderings])))

    def asked(self, box: int) -> list[Level]:
        """The temperatures that were asked for, of the small (0) or the large box (1)."""
        wanted = set(self.temperatures_K)
        return [level for level in self.levels[box] if level.temperature_K in wanted]

    @property
    def order(self) -> Rows:
        """Rows of order.csv, columns ORDER: of the large box."""
        sampled, rows = self.sampled[1], []
        sro, lattice, random = sampled.sro, sampled.box.lattice, sampled.random
        atoms, sizes = sampled.box.counts[1:], sro.neighbours(lattice)
        scale = np.abs(sro.alpha(np.ones(sro.dim), atoms, lattice))
        names = [(f"{sro.species[i]}-{sro.species[j]}", k) for k in range(len(sro.shells)) for i, j in sro.pairs]
        for at in self.asked(1):
            for d, (pair, k) in enumerate(names):
                of_alpha = (-scale[d] * at.delta[d], scale[d] * at.delta_error[d])
                of_random = (-scale[d] * random.delta[d], scale[d] * random.delta_sd[d])
                rows.append(
                    (at.temperature_K, at.sites, pair, sro.shells[k], int(sizes[k]), *of_alpha, at.delta[d],
                     at.delta_error[d], *of_random, random.delta[d], random.delta_sd[d], at.equilibrated)
                )  # fmt: skip
        return rows

    @property
    def thermodynamics(self) -> Rows:
        """Rows of thermodynamics.csv, columns THERMODYNAMICS: of both boxes, with the leading star."""
        return [
            (at.temperature_K, at.sites, at.energy_eV, at.energy_error_eV, at.heat_capacity_kB,
             at.heat_capacity_error_kB, *self._long_range(box, at, self.leading), at.equilibrated)
            for box in (0, 1) for at in self.asked(box)
        ]  # fmt: skip

    @property
    def long_range_order(self) -> Rows:
        """Rows of long_range_order.csv: of both boxes and all stars, with the order of each pair."""
        return [
            (at.temperature_K, at.sites, *self._long_range(box, at, s), one.structures, *at.pairs[s], at.equilibrated)
            for box in (0, 1) for at in self.asked(box) for s, one in enumerate(self.orderings)
        ]  # fmt: skip

    def _long_range(self, box: int, at: Level, s: int) -> tuple[Any, ...]:
        random = self.sampled[box].random
        return (
            self.orderings[s].star, at.order[s], at.order_error[s], at.fluctuation[s], at.fluctuation_error[s],
            random.waves[s], random.waves_sd[s],
        )  # fmt: skip

    def said(self) -> list[str]:
        """Lines on the temperature of order and its evidence, and on temperatures without equilibrium."""
        sizes = [one.box.lattice.n_sites for one in self.sampled]
        order = order_lines(self.temperatures_K, self.common_K, self.orderings, self.leading, self.curves, sizes)
        return [*order, *heat_lines(self.curves), *self.not_equilibrated()]

    def not_equilibrated(self) -> list[str]:
        """A line for each box and temperature that is no equilibrium."""
        return [
            f"{at.temperature_K:g} K, {at.sites} sites: no equilibrium, {at.why}"
            for box in (0, 1) for at in self.asked(box) if not at.equilibrated
        ]  # fmt: skip
