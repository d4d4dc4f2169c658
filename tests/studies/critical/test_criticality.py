"""Cumulants with known values, exponents that were put in, figures that draw."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

from asemacro.plot import dynamics as plot_dynamics
from asemacro.plot.short_range_order import new_figure
from asemacro.studies.critical.collapse import Curve, collapse_residual, optimise_collapse, scaled
from asemacro.studies.critical.criticality import (
    OrderParameter,
    binder_cumulant,
    binder_slope,
    correlation_length_exponent,
    critical_exponents,
    order_parameter,
    power_law,
    susceptibility,
)
from asemacro.studies.critical.figures import data_collapse
from asemacro.testing import ALPHA

SIGNIFICANT = stats.norm.isf(ALPHA / 2)
SIZES = (16, 32, 64, 128)


def test_known_cumulants() -> None:
    assert binder_cumulant([1.0, -1.0, 1.0]) == pytest.approx(2 / 3, rel=1e-14)
    # normal quantiles integrate the Gaussian moments: <M^4> = 3 <M^2>^2
    gauss = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert binder_cumulant(gauss) == pytest.approx(0.0, abs=2e-3)
    # uniform in [-1, 1]: 1 - (1/5) / (3/9)
    grid = (np.arange(100_000) + 0.5) / 50_000 - 1
    assert binder_cumulant(grid) == pytest.approx(0.4, rel=1e-6)
    assert susceptibility(grid, 300) == pytest.approx(300 * (1 / 3 - 1 / 4), rel=1e-6)
    # |M| of a Gaussian of variance 1/n: chi = 1 - 2/pi
    assert susceptibility(gauss / 10, 100) == pytest.approx(1 - 2 / np.pi, rel=1e-3)


def test_errors_cover_the_truth_of_correlated_series() -> None:
    rng = np.random.default_rng(0)
    pulls = []
    for _ in range(120):
        noise = rng.standard_normal((2, 3000)) * np.sqrt(1 - 0.8**2)
        series = lfilter([1], [1, -0.8], noise, zi=0.8 * rng.standard_normal((2, 1)))[0]
        found = order_parameter(series, 100, n_bootstrap=100, rng=rng)
        truth = np.array([np.sqrt(2 / np.pi), 100 * (1 - 2 / np.pi), 0.0])
        values = np.array([found.absolute, found.susceptibility, found.binder])
        errors = np.array([found.absolute_error, found.susceptibility_error, found.binder_error])
        pulls.append((values - truth) / errors)
    # blocks of 4 autocorrelation times miss a little of the variance, the bootstrap adds noise of its own
    squares = np.mean(np.square(pulls), axis=0)
    low, high = stats.chi2.ppf([ALPHA, 1 - ALPHA], 120) / 120
    assert (low < squares).all()
    assert (squares < 1.35 * high).all()


def test_independent_runs_are_blocks_of_their_own() -> None:
    rng = np.random.default_rng(1)
    found = order_parameter(rng.standard_normal((400, 1)) * 0.1, 64, rng=rng)
    assert found.size == 8.0
    assert found.absolute == pytest.approx(0.1 * np.sqrt(2 / np.pi), abs=SIGNIFICANT * found.absolute_error)
    assert found.absolute_error == pytest.approx(0.1 * np.sqrt((1 - 2 / np.pi) / 400), rel=0.3)
    with pytest.raises(ValueError, match="independent blocks"):
        order_parameter(np.ones((3, 2)), 64, rng=rng)
    with pytest.raises(ValueError, match="finite"):
        order_parameter(np.full((3, 9), np.nan), 64, rng=rng)


def synthetic(
    size: float, values: tuple[float, float, float], errors: float, rng: np.random.Generator
) -> OrderParameter:
    """An order parameter with given values, measured with a relative error."""
    true = np.array(values)
    seen = true * (1 + errors * rng.standard_normal(3))
    replicas = seen * (1 + errors * rng.standard_normal((200, 3)))
    m, chi, binder = (float(x) for x in seen)
    return OrderParameter(
        int(size**2), size, m, abs(m) * errors, chi, abs(chi) * errors, binder, abs(binder) * errors, replicas
    )


def test_exponents_are_recovered() -> None:
    rng = np.random.default_rng(2)
    pulls = []
    for _ in range(100):
        orders = [synthetic(L, (1.008 * L**-0.125, 0.07 * L**1.75, 0.61), 0.01, rng) for L in SIZES]
        found = critical_exponents(orders)
        pulls.append([(found.beta_nu - 0.125) / found.beta_nu_error, (found.gamma_nu - 1.75) / found.gamma_nu_error])
    low, high = stats.chi2.ppf([ALPHA, 1 - ALPHA], 200) / 200
    assert low < np.mean(np.square(pulls)) < 1.1 * high
    assert found.absolute.amplitude == pytest.approx(1.008, rel=0.1)


def test_a_power_law_is_exact_without_noise() -> None:
    fit = power_law([1.0, 2.0, 8.0], [3.0, 12.0, 192.0], np.array([[3.0, 12.0, 192.0]] * 2))
    assert fit.exponent == pytest.approx(2.0, rel=1e-12)
    assert fit.amplitude == pytest.approx(3.0, rel=1e-12)
    assert fit.error == pytest.approx(0.0, abs=1e-12)
    assert fit.chi_square == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match="positive"):
        power_law([1.0, 2.0], [1.0, -1.0], np.ones((2, 2)))
    with pytest.raises(ValueError, match="k >= 2"):
        power_law([1.0], [1.0], np.ones((2, 1)))
    with pytest.raises(ValueError, match="k >= 2"):
        critical_exponents([])


def binder(t: np.ndarray, size: float) -> np.ndarray:
    """U of a made-up universal function with nu = 1, U = .61 and slope -.04 L at T_c."""
    return 0.61 - 0.3 * np.tanh(0.04 / 0.3 * t * size)


def test_nu_from_slopes_of_the_cumulant() -> None:
    rng = np.random.default_rng(3)
    temperatures, slopes = np.linspace(2.265, 2.273, 5), []
    for L in SIZES:
        orders = [synthetic(L, (1.0, 1.0, float(binder(t - 2.269, L))), 1e-4, rng) for t in temperatures]
        slopes.append(binder_slope(temperatures, orders, 2.269))
    for s in slopes:
        assert abs(s.slope + 0.04 * s.size) < SIGNIFICANT * s.error + 0.01 * 0.04 * s.size
        assert s.value == pytest.approx(0.61, abs=1e-3)
    nu, error, fit = correlation_length_exponent(slopes)
    assert abs(nu - 1) < SIGNIFICANT * error + 0.01
    assert fit.exponent == pytest.approx(1 / nu)
    with pytest.raises(ValueError, match="one size"):
        binder_slope([1.0, 2.0], [synthetic(L, (1, 1, 0.6), 0.01, rng) for L in (8, 16)], 1.5)
    with pytest.raises(ValueError, match="more temperatures"):
        binder_slope([1.0], [synthetic(8, (1, 1, 0.6), 0.01, rng)], 1.5)


def curves(rng: np.random.Generator, noise: float = 0.002) -> list[Curve]:
    """|M| = L^-.125 f((T - 2.269) L) with a smooth f."""
    found = []
    for L in SIZES:
        t = 2.269 + np.linspace(-2.0, 2.0, 15) / L
        values = L**-0.125 * (1.0 - 0.4 * np.tanh(0.5 * (t - 2.269) * L))
        errors = noise * values
        found.append(Curve(L, t, rng.normal(values, errors), errors))
    return found


def test_collapse_finds_the_exponents_put_in() -> None:
    rng = np.random.default_rng(4)
    data = curves(rng)
    truth = {"critical_temperature": 2.269, "nu": 1.0, "exponent": 0.125}
    residual = collapse_residual(data, **truth)
    assert 0.5 < residual < 1.6
    assert collapse_residual(data, 2.269, 1.0, 0.2) > 50 * residual
    assert collapse_residual(data, 2.269, 1.3, 0.125) > 5 * residual
    assert collapse_residual(data, 2.275, 1.0, 0.125) > 5 * residual
    start = {"critical_temperature": 2.272, "nu": 1.15, "exponent": 0.15}
    found = optimise_collapse(data, start, n_bootstrap=10, rng=rng)
    assert found.residual <= residual + 1e-6
    for name, value in truth.items():
        assert abs(getattr(found, name) - value) < 5 * found.errors[name] + 1e-4, name
        assert found.errors[name] < {"critical_temperature": 1e-3, "nu": 0.05, "exponent": 5e-3}[name]
    fixed = optimise_collapse(data, {**truth, "exponent": 0.15}, ["exponent"], n_bootstrap=0, rng=rng)
    assert (fixed.critical_temperature, fixed.nu) == (2.269, 1.0)
    assert fixed.exponent == pytest.approx(0.125, abs=2e-3)


def test_collapse_of_lines_by_hand() -> None:
    # y = x on both curves, one shifted by 0.1: every point is 0.1 away, errors 0.1 and those of the other line
    a = Curve(1.0, np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]), np.full(3, 0.1))
    b = Curve(1.0, np.array([0.5, 1.5]), np.array([0.6, 1.6]), np.full(2, 0.1))
    # middle of two points of error 0.1: variance of the line .01 / 2; a's point 1 lies in the middle of b
    assert collapse_residual([a, b], 0.0, 1.0, 0.0) == pytest.approx(0.01 / (0.01 + 0.005), rel=1e-9)
    x, y, error = scaled(Curve(4.0, [1.0, 2.0], [3.0, 4.0], [0.1, 0.2]), 1.0, 2.0, 0.5)
    np.testing.assert_allclose(x, [0, 2])
    np.testing.assert_allclose(y, [6, 8])
    np.testing.assert_allclose(error, [0.2, 0.4])


def test_collapse_refuses_what_it_cannot_do() -> None:
    rng = np.random.default_rng(5)
    data = curves(rng)
    start = {"critical_temperature": 2.269, "nu": 1.0, "exponent": 0.125}
    assert collapse_residual(data, 2.269, -1.0, 0.125) == np.inf
    assert collapse_residual(data, 9.0, 1.0, 0.125) == np.inf
    with pytest.raises(ValueError, match="two sizes"):
        collapse_residual(data[:1], **start)
    with pytest.raises(ValueError, match="hardly overlap"):
        optimise_collapse(data, {**start, "critical_temperature": 9.0}, rng=rng)
    with pytest.raises(ValueError, match="must name"):
        optimise_collapse(data, start, ["beta"], rng=rng)
    for bad in (([1.0], [1.0], [1.0]), ([2.0, 1.0], [1.0, 1.0], [1.0, 1.0]), ([1.0, 2.0], [1.0, 1.0], [0.0, 1.0])):
        with pytest.raises(ValueError, match="a curve needs"):
            Curve(8.0, *map(np.array, bad))


def test_figures_take_axes_and_return_them() -> None:
    rng = np.random.default_rng(6)
    _, axes = new_figure(columns=5)
    times = np.linspace(0, 1, 9)
    mean = np.exp(-times)
    color = "#0072B2"
    drawn = [
        plot_dynamics.mean_trajectory(axes[0], times, mean, 0.1 * mean, reference=mean, color=color, label="M"),
        plot_dynamics.discrepancy(axes[1], [1.0, 5.0, 20.0], [0.3, 0.1, 0.2], floor=0.05, sites_ratio=5.0, color=color),
        plot_dynamics.power_law(axes[2], SIZES, [0.7, 0.65, 0.6, 0.55], [0.01] * 4, exponent=-0.125, color=color),
        plot_dynamics.binder_crossing(axes[3], {L: (times, binder(times - 0.5, L), 0.01 * mean) for L in SIZES}),
        data_collapse(axes[4], curves(rng), 2.269, 1.0, 0.125),
    ]
    assert drawn == list(axes)
    assert all(ax.get_xlabel() for ax in axes)
    assert axes[1].get_legend_handles_labels()[1]
