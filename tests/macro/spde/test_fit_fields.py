"""fit_fields: a known kernel, mobility and entropy come back; systems of another form are told from it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from block_fields import BLOCK, KERNEL, SITES, block_data, gaussian, smooth_starts

import asemacro
from asemacro.field_data import FieldData
from asemacro.fitted import Fitted
from asemacro.macro.spde import (
    EntropySlope,
    FieldFitOptions,
    NeuralSPDE,
    binomial_field_data,
    box_averaged,
    fit_fields,
    simulate_fields,
)
from asemacro.macro.spde.assumptions import CLOSURE, DISSIPATION, NOISE, WHITE
from asemacro.macro.spde.block_kernel import relative_error
from asemacro.macro.spde.drift_fit import fit_relaxation
from asemacro.macro.spde.fit import FieldReport
from asemacro.macro.spde.window import Relaxation

TEMPERATURES = (0.8, 1.25, 2.0)


@cache
def known_data() -> FieldData:
    """245,000 blocks at three temperatures."""
    rng = np.random.default_rng(0)
    return FieldData.joined([block_data(t, 60, 20, rng=rng) for t in TEMPERATURES])


@cache
def known_fit() -> Fitted[NeuralSPDE, FieldReport]:
    return fit_fields(known_data(), rng=np.random.default_rng(1))


def deviations(fitted: Fitted[NeuralSPDE, FieldReport]) -> np.ndarray:
    """Of each lag from the known kernel, in standard errors."""
    kernel = fitted.model.kernel
    assert kernel.errors is not None
    wide = KERNEL.reach - kernel.reach
    true = KERNEL.values if wide == 0 else KERNEL.values[wide:-wide, wide:-wide]
    return (kernel.values - true) / kernel.errors


def test_a_known_kernel_comes_back_within_its_errors() -> None:
    fitted = known_fit()
    assert fitted.report.reach == KERNEL.reach, "lags as far as they differ from zero"
    assert np.abs(deviations(fitted)).max() < 5
    assert relative_error(fitted.model.kernel, KERNEL) < 0.15
    assert abs(fitted.report.total - 1) < 5 * fitted.report.total_error < 0.04
    assert fitted.held_out["drift"] == pytest.approx(1, abs=5 * fitted.report.chi2_error)
    assert (fitted.model.sites, fitted.model.block) == (SITES, BLOCK)


def test_few_data_make_a_smooth_kernel() -> None:
    """A long kernel of 225 lags from 61,000 blocks: lag for lag they say next to nothing."""
    rng = np.random.default_rng(0)
    true = box_averaged(gaussian(12.0), 4)
    data = binomial_field_data(true, smooth_starts(60, 32, rng), SITES, BLOCK, 1.25, duration=0.1, steps=10, rng=rng)
    plain = fit_relaxation(data, 7).relaxation.kernel
    fitted = fit_fields(data, rng=rng)
    assert relative_error(plain, true) > 0.8
    assert relative_error(fitted.model.kernel, true) < 0.35
    assert 3 <= fitted.report.reach <= 9
    assert abs(fitted.report.total - 1) < 5 * fitted.report.total_error


def test_mobility_is_that_of_flips_and_no_textbook_form() -> None:
    model = known_fit().model
    m = np.linspace(-0.9, 0.9, 13)
    for t in TEMPERATURES:
        k, error = model.homogeneous_mobility(m, t), model.mobility.error(m, m / t, np.full(m.shape, t))  # type: ignore[attr-defined]
        assert (np.abs(k / (1 - m * np.tanh(m / t)) - 1) < 0.02 + 4 * error / k).all()
        ends = [0, -1]
        assert (np.abs(k - 1) > 8 * error)[ends].all(), "not 1"
        if t > 1:
            assert (np.abs(k - (1 - m**2)) > 8 * error)[ends].all(), "not 1 - m^2"
    table = known_fit().report.mobility
    z = (table.value - (1 - table.m * table.tanh_u)) / table.error
    assert (np.abs(z) < 6).all()
    assert (np.abs(table.value - 1) > 10 * table.error).sum() > 20
    assert (np.abs(table.value - (1 - table.m**2)) > 10 * table.error).sum() > 10


def test_mobility_from_the_noise_needs_no_flips() -> None:
    rng = np.random.default_rng(3)
    data = block_data(1.25, 60, 20, rng=rng, duration=0.2)
    silent = FieldData(
        data.before, data.after, None, data.duration, data.temperature, data.field, data.sites, data.block, data.group
    )
    fitted = fit_fields(silent, options=FieldFitOptions(reach=2), rng=rng)
    m = np.linspace(-0.8, 0.8, 9)
    k = fitted.model.homogeneous_mobility(m, 1.25)
    error = fitted.model.mobility.error(m, m / 1.25, np.full(9, 1.25))  # type: ignore[attr-defined]
    # dividing by the duration alone would be 20 % off
    assert (np.abs(k / (1 - m * np.tanh(m / 1.25)) - 1) < 0.03 + 4 * error / k).all()
    assert fitted.report.verdicts[2].holds is None
    with pytest.raises(ValueError, match="no flips"):
        fit_fields(silent, options=FieldFitOptions(source="flips"), rng=rng)


def test_assumptions_hold_for_blocks_that_flip() -> None:
    verdicts = {verdict.name: verdict for verdict in known_fit().report.verdicts}
    assert list(verdicts) == [CLOSURE, WHITE, NOISE, DISSIPATION]
    for verdict in verdicts.values():
        assert verdict.holds is True, verdict.text
        assert "\n" not in verdict.text
    assert len(known_fit().report.lines()) == 6


def test_conserved_fields_are_told() -> None:
    """Exchanges of neighbours: what a block gains its neighbours lose."""
    rng, edge, n = np.random.default_rng(0), 32, 300
    lattice = asemacro.Lattice.square(1.0, "X", edge)
    x = asemacro.random_spins(lattice, np.linspace(-0.9, 0.9, n), rng=rng).reshape(n, edge, edge)
    moved = x
    for axis, parity in ((1, 0), (1, 1), (2, 0), (2, 1)):
        y = np.swapaxes(np.roll(moved, parity, axis), 2, axis)
        pairs = y.reshape(n, edge, edge // 2, 2)
        pairs = np.where(rng.random(pairs.shape[:3])[..., None] < 0.1, pairs[..., ::-1], pairs)
        moved = np.roll(np.swapaxes(pairs.reshape(y.shape), 2, axis), -parity, axis)
    before, after = (v.reshape(n, 8, 4, 8, 4).mean(axis=(2, 4)) for v in (x, moved))
    np.testing.assert_allclose(before.sum(axis=(1, 2)), after.sum(axis=(1, 2)), atol=1e-9)
    data = FieldData(before, after, None, np.full(n, 0.2), np.ones(n), np.zeros(n), 16, 4)
    verdicts = {v.name: v for v in fit_fields(data, rng=rng).report.verdicts}
    assert verdicts[WHITE].holds is False
    assert "conserved" in verdicts[WHITE].text
    assert verdicts[DISSIPATION].holds is False


def test_nearest_neighbours_are_told() -> None:
    """Ising spins in equilibrium with their neighbours: drift and noise of blocks do not have one mobility."""
    rng, edge, n = np.random.default_rng(0), 32, 1000
    system = asemacro.Ising(asemacro.Lattice.square(1.0, "X", edge), 2.5)
    x = asemacro.random_spins(system.lattice, np.linspace(-0.9, 0.9, n), rng=rng)
    x = system.evolve(x, 2.0, rng=rng)[0]
    y = system.evolve(x, 0.1, rng=rng)[0]
    before, after = (v.reshape(n, 8, 4, 8, 4).mean(axis=(2, 4)) for v in (x, y))
    data = FieldData(before, after, None, np.full(n, 0.1), np.full(n, 2.5), np.zeros(n), 16, 4)
    report = fit_fields(data, rng=rng).report
    verdicts = {v.name: v for v in report.verdicts}
    assert verdicts[WHITE].holds is True
    assert verdicts[DISSIPATION].holds is False, report.lines()


def test_the_linear_route_is_biased_where_fields_are_strong() -> None:
    """Which is why it is not the default."""
    options = {route: FieldFitOptions(reach=2, route=route) for route in ("unbiased", "linear")}
    data = known_data().take(known_data().temperature == 0.8)
    own = {}
    for route, option in options.items():
        fitted = fit_fields(data, options=option, rng=np.random.default_rng(1))
        own[route] = abs(fitted.report.total - 1) / fitted.report.total_error
    assert own["unbiased"] < 4 < own["linear"]


def test_the_rate_of_attempts_is_found_from_the_noise() -> None:
    """The same rows with a clock that runs three times as fast."""
    data = known_data().take(known_data().temperature == 1.25)
    faster = FieldData(
        data.before, data.after, data.flips, data.duration / 3, data.temperature, data.field, SITES, BLOCK, data.group
    )
    fitted = fit_fields(faster, options=FieldFitOptions(reach=2, rate=None), rng=np.random.default_rng(0))
    assert fitted.report.rate == pytest.approx(3, rel=0.02)
    assert fitted.report.total == pytest.approx(1, abs=5 * fitted.report.total_error)
    assert fitted.model.homogeneous_mobility(0.0, 1.25) == pytest.approx(3, rel=0.03)


def test_entropy_of_independent_spins_is_found_and_another_is_not_called_so() -> None:
    rng = np.random.default_rng(0)
    data = known_data()
    options = FieldFitOptions(reach=2, entropy_terms=1)
    fitted = fit_relaxation(data, 2, entropy_terms=1)
    assert abs(fitted.relaxation.entropy.coefficients[0]) < 5 * fitted.errors[0]
    # blocks with another entropy: their own field is u - (s'(m) - atanh m)
    strange = EntropySlope([0.8])
    starts = smooth_starts(150, 16, rng)
    before = 2 * rng.binomial(400, (1 + starts) / 2) / 400 - 1
    e = np.exp(-0.05)
    relaxation = Relaxation(KERNEL, strange)
    empty = FieldData(before, before, None, np.full(150, 0.05), np.full(150, 1.1), np.zeros(150), 400, 20)
    window = relaxation.over(empty)
    noise = np.sqrt(window.variance(before) / 400) * rng.standard_normal(before.shape)
    after = np.clip(before * e + window.target * (1 - e) + noise, -1, 1)
    data = FieldData(before, after, None, np.full(150, 0.05), np.full(150, 1.1), np.zeros(150), 400, 20)
    found = fit_fields(data, options=options, rng=rng)
    assert found.model.entropy.coefficients[0] == pytest.approx(0.8, abs=0.2)
    assert np.abs(deviations(found)).max() < 5


@pytest.mark.parametrize("dim", [1, 3])
def test_lines_and_volumes(dim: int) -> None:
    rng = np.random.default_rng(dim)
    fine = np.ones((7,) * dim)
    fine[(3,) * dim] = 0
    kernel = box_averaged(fine / fine.sum(), 3)
    edge = {1: 60, 3: 8}[dim]
    sites = 3**dim * 2
    data = binomial_field_data(
        kernel, smooth_starts(80, edge, rng, dim), sites, 3, 1.4, 0.1, duration=0.1, steps=10, rng=rng
    )
    fitted = fit_fields(data, options=FieldFitOptions(reach=kernel.reach), rng=rng)
    assert fitted.model.kernel.errors is not None
    assert (np.abs(fitted.model.kernel.values - kernel.values) < 5 * fitted.model.kernel.errors).all()
    run = simulate_fields(fitted.model, data.before[:2], 0.5, temperature=1.4, field=0.1, n_saves=1, rng=rng)
    assert run.last.shape == (2, *(edge,) * dim)


def test_too_few_flips_say_how_many_more() -> None:
    data = block_data(1.25, 1, 1, 5, rng=np.random.default_rng(0))
    assert data.flips is not None
    flips = int(data.flips.sum())
    with pytest.raises(
        ValueError, match=f"^{flips} flips are too few to fit a mobility, {300 - flips} more are needed"
    ):
        fit_fields(data, options=FieldFitOptions(reach=1, validation=0), rng=np.random.default_rng(0))


def test_too_small_grids_and_odd_settings_are_refused() -> None:
    data = block_data(1.25, 8, 2, 8, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="lags up to 4 blocks need a grid of at least 9 blocks an edge, got 8"):
        fit_fields(data, options=FieldFitOptions(reach=4), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="route must be one of unbiased, linear"):
        FieldFitOptions(route="shortest")
    with pytest.raises(ValueError, match="entropy_terms with the unbiased"):
        FieldFitOptions(route="linear", entropy_terms=1)


def test_same_seed_same_fit() -> None:
    data = known_data().take(slice(0, 60))
    first, second = (fit_fields(data, options=FieldFitOptions(reach=1), rng=np.random.default_rng(5)) for _ in range(2))
    assert first.model.kernel.values.tobytes() == second.model.kernel.values.tobytes()
    assert first.report.lines() == second.report.lines()


@pytest.mark.slow
def test_ten_million_blocks_give_the_kernel_within_five_percent() -> None:
    rng = np.random.default_rng(0)
    data = FieldData.joined([block_data(1.25, 500, 110, 64, rng=rng) for _ in range(4)])
    assert data.before.size > 9.9e6
    plain = fit_relaxation(data, 4).relaxation.kernel
    assert relative_error(plain, KERNEL) < 0.05, "without a prior"
    fitted = fit_fields(data, rng=rng)
    kernel, table = fitted.model.kernel, fitted.report.mobility
    assert relative_error(kernel, KERNEL) < 0.05
    assert kernel.total == pytest.approx(1, abs=0.01)
    assert kernel.errors is not None
    assert kernel.own == pytest.approx(KERNEL.own, abs=5 * float(kernel.errors.max()))
    inner = np.abs(table.m) < 0.9
    np.testing.assert_allclose(table.value[inner], (1 - table.m * table.tanh_u)[inner], rtol=0.03)
