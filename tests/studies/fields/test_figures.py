"""Figures of field equations: the tables are what is drawn, and nothing is drawn that was not seen."""

from __future__ import annotations

import numpy as np
import pytest

from asemacro.macro.spde import BlockKernel, EntropySlope, GlauberMobility, NeuralSPDE, structure_factor
from asemacro.macro.spde.field_measures import Switching
from asemacro.macro.spde.mobility_fit import MobilityTable
from asemacro.plot.short_range_order import new_figure
from asemacro.studies.fields import figures


def test_a_kernel_by_lag_beside_a_longer_one() -> None:
    found = BlockKernel([[0.0, 0.1, 0.0], [0.1, 0.5, 0.1], [0.0, 0.1, 0.0]], np.full((3, 3), 0.01))
    true = BlockKernel(np.arange(25.0).reshape(5, 5) + np.arange(25.0).reshape(5, 5)[::-1, ::-1])
    lines = figures.kernel_lines(found, true)
    assert lines.columns == ("lag_1", "lag_2", "length", "J", "J_error", "J_true")
    assert len(lines.rows) == 13
    assert lines.rows[0] == [0, 0, 0.0, 0.5, 0.01, 24.0]
    assert [row[3] for row in lines.rows if row[2] == 1.0] == [0.1, 0.1]
    assert [row[3:5] for row in lines.rows if row[2] > 1.5] == [[0.0, 0.0]] * 8
    (ax,) = new_figure()[1]
    figures.draw_kernel(ax, found, true)
    assert ax.lines[-1].get_ydata().tolist() == [24.0] * 13
    assert figures.kernel_lines(found).rows[0][-1] == ""


def test_the_mobility_beside_the_textbook_forms() -> None:
    m = np.array([-0.5, 0.0, 0.5])
    table = MobilityTable(m, np.full(3, 2.0), 1 - m * np.tanh(m / 2), np.full(3, 0.1), np.tanh(m / 2), np.full(3, 9.0))
    lines = figures.mobility_lines(table)
    assert [row[2] for row in lines.rows] == pytest.approx([row[4] for row in lines.rows])
    assert [row[6] for row in lines.rows] == [0.75, 1.0, 0.75]
    kernel = BlockKernel([0.25, 0.5, 0.25])
    (ax,) = new_figure()[1]
    figures.draw_mobility(ax, table, NeuralSPDE(kernel, GlauberMobility(), EntropySlope(), 16, 4))
    curve = ax.lines[-1]
    assert curve.get_xdata()[[0, -1]].tolist() == [-0.5, 0.5]
    np.testing.assert_allclose(curve.get_ydata(), 1 - curve.get_xdata() * np.tanh(curve.get_xdata() / 2))


def test_pictures_of_any_dimension() -> None:
    axes = new_figure(6, 2, 3)[1]
    rng = np.random.default_rng(1)
    cube = rng.uniform(-1, 1, (4, 4, 4))
    figures.draw_snapshots(list(axes), [cube[0, 0], cube[0], cube], ["line", "plane", "cube"])
    assert [ax.get_title() for ax in axes] == ["line", "plane", "cube"]
    np.testing.assert_array_equal(axes[2].images[0].get_array(), cube[2])


def test_scattering_and_distributions() -> None:
    rng = np.random.default_rng(2)
    found = {name: structure_factor(rng.normal(0, 0.25, (50, 16, 16)), 16) for name in ("spins", "SPDE")}
    lines = figures.structure_factor_lines(found)
    assert lines.columns == ("k", "waves", "S_spins", "S_spins_error", "S_SPDE", "S_SPDE_error")
    assert lines.rows[3][2] == found["spins"].value[3]
    axes = new_figure(6, 3, 2, share=False)[1]
    figures.draw_structure_factors(axes[0], found, np.ones_like)
    assert axes[0].lines[-1].get_ydata().tolist() == [1.0] * 8
    samples = {"spins": rng.normal(0, 0.1, 400), "SPDE": rng.normal(0, 0.1, 300)}
    density = figures.magnetisation_lines(samples, 20)
    width = density.rows[1][0] - density.rows[0][0]
    for column in (1, 2):
        assert sum(row[column] for row in density.rows) * width == pytest.approx(1)
    m = np.linspace(-1, 1, 101)
    figures.draw_magnetisations(axes[1], samples, (m, np.exp(-(m**2) / 0.02)))
    assert np.abs(axes[1].lines[-1].get_xdata()).max() <= max(np.abs(part).max() for part in samples.values())
    same = figures.magnetisation_lines({"still": np.zeros(3)})
    assert np.isfinite(np.array(same.rows)).all()


def test_a_rate_that_was_never_seen_is_no_number() -> None:
    found = {"spins": Switching(200, 1e3, 0.2, 0.014), "Allen-Cahn": Switching(0, 1e3, 0.0, np.inf)}
    lines = figures.rate_lines(found)
    assert lines.rows == [["spins", 200, 1e3, 0.2, 0.014], ["Allen-Cahn", 0, 1e3, 0.0, ""]]
    (ax,) = new_figure()[1]
    figures.draw_rates(ax, found)
    assert [text.get_text() for text in ax.texts] == ["none"]
