"""A colour means one thing: pairs have theirs in every figure, blue and orange are used once; quick runs say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from asemacro.data import Moments
from asemacro.observables.alloy import WarrenCowley
from asemacro.plot import short_range_order as plot
from asemacro.plot.dynamics import binder_crossing
from asemacro.studies.learn.figures import Path as Course
from asemacro.studies.learn.figures import draw_diagnostics
from asemacro.studies.learn.learned import polynomial_sde
from asemacro.studies.paper import fig2, fig8c
from asemacro.studies.paper.report import FULL_TARGETS, QUICK, Result, Row, Table
from asemacro.tasks.publication import publish

NBMOTA = ("Nb", "Mo", "Ta")
GREY = {"#000000", "#999999", "#ffffff"}


def colours(ax) -> set[str]:
    """Of all lines but black, grey and white ones."""
    lines = [*ax.lines, *(line for bars in ax.containers for line in bars.lines[:1] if line is not None)]
    return {to_hex(line.get_color()) for line in lines} - GREY


def hexes(names) -> set[str]:
    return {to_hex(name) for name in names}


@pytest.mark.parametrize("species", [("Nb", "Mo"), NBMOTA, ("Co", "Cr", "Fe", "Mn", "Ni")])
def test_a_pair_looks_the_same_among_all_pairs_and_among_the_unlike_ones(species: tuple[str, ...]) -> None:
    every = WarrenCowley(species, pairs="all").labels
    styles, unlike = plot.pair_styles(every), plot.pair_styles(WarrenCowley(species).labels)
    assert len(set(styles.values())) == len(every)  # no two look alike, five elements included
    assert unlike == {name: styles[name] for name in unlike}
    # and as the diagram counts them
    assert list(styles.values()) == [(plot.color_of(k), plot.marker_of(k)) for k in range(len(every))]


def test_shades_grow_darker_and_belong_to_nothing_else() -> None:
    for count in range(1, 5):
        shades = [plot.shade_of(k, count) for k in range(count)]
        assert len(set(shades)) == count
        light = [sum(int(shade[i : i + 2], 16) for i in (1, 3, 5)) for shade in shades]
        assert light == sorted(light, reverse=True)
        assert shades[-1] == plot.SHADES[-1]
    assert [plot.shade_of(k, 8) for k in range(8)] == [shade for shade in plot.SHADES for _ in range(2)]
    assert not hexes(plot.SHADES) & hexes(plot.COLORS)


@pytest.mark.parametrize("names", [("Nb-Mo", "Nb-Ta", "Mo-Ta"), ("M", "closure_1")])
def test_diagnostics_of_a_model(names: tuple[str, ...]) -> None:
    """Labels of a pair have its colour, as in a diagram; courses have none that a variable has."""
    rng, d = np.random.default_rng(0), len(names)
    z = rng.normal(size=(60, d))
    labels = Moments(z, -z, np.tile(np.eye(d), (60, 1, 1)), np.array(1.0))
    t = np.linspace(0, 1, 5)
    course = np.tile(t[:, None], (1, d))
    courses = [Course(name, t, course, course, np.ones_like(course)) for name in ("800 K", "1200 K", "1600 K")]
    sde = polynomial_sde(names, 100, hidden=0)
    axes = np.array(draw_diagnostics(sde, labels, courses, unit="time").axes).reshape(d, 3)
    pairs = [colour for colour, _ in plot.pair_styles(names).values()] if d == 3 else list(plot.COLORS[:2])
    for row, colour in zip(axes, pairs, strict=True):
        assert colours(row[0]) == colours(row[1]) == hexes([colour])
        assert colours(row[2]) == hexes(plot.shade_of(k, 3) for k in range(3))


def test_each_reproduced_figure_uses_a_colour_for_one_thing() -> None:
    rng = np.random.default_rng(1)
    measured = fig2.Measured(np.ones(2), np.ones(3), np.ones(3), np.ones(2), np.ones(2))
    shown = {scale: rng.normal(size=(4, len(fig2.TIMES), 2)) for scale in (1.0, 5.0, 20.0)}
    ax = fig2.draw([[measured] * len(fig2.LAMBDAS)], shown[1.0], shown, 0.1, 0.1).axes
    scales, fields, found = colours(ax[0]), colours(ax[1]), colours(ax[2]) | colours(ax[3])
    assert len(scales) == 3
    assert len(fields) == 2
    assert len(found) == 1
    assert not scales & fields
    assert not found & (scales | fields)
    # sizes are of one pair, so they have its colour
    t = np.geomspace(1e-8, 1e-5, 6)
    curves = {n: fig8c.Curve(str(n), t, rng.normal(size=(3, 6))) for n in (fig8c.SMALL, 8192)}
    figure = fig8c.draw(curves, curves[8192], {})
    pair = plot.pair_styles(WarrenCowley(NBMOTA, pairs="all").labels)[fig8c.PAIR][0]
    assert [colours(ax) for ax in figure.axes] == [hexes([pair])] * 2
    # blue and orange are models in figure 6, so sizes have shades
    values = (np.linspace(2.2, 2.3, 3), np.ones(3), np.full(3, 0.1))
    _, (panel,) = plot.new_figure()
    assert colours(binder_crossing(panel, {8.0: values, 16.0: values})) <= hexes(plot.SHADES)


@pytest.mark.parametrize("title", ["", "a title"])
def test_a_quick_run_says_so_on_its_figure_and_on_screen(tmp_path: Path, title: str) -> None:
    figures: list[Figure] = []

    def draw() -> Figure:
        figures.append(plot.new_figure()[0])
        if title:
            figures[-1].suptitle(title)
        return figures[-1]

    for quick in (True, False):
        made = Result("of a figure", [Row("a", 1.0)], {"": Table(["x"], [[1]])}, draw, quick=quick)
        publish(tmp_path, made.files("figure"))
        said = figures[-1].get_suptitle()
        assert said.startswith(title)
        assert (QUICK in said, QUICK in made.text()) == (quick, quick)
        assert FULL_TARGETS not in said + made.text()
        aimed = Result("of a figure", [Row("a", 1.0, target=(0, 2))], {}, draw, quick=quick)
        assert (FULL_TARGETS in aimed.text()) == quick
