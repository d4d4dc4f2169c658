"""Diffusion coefficients against exact ones: of the very box that is simulated, and of the infinite crystal."""

from __future__ import annotations

from typing import Any

import exact_diffusion
import numpy as np
import pytest
from ase.units import kB
from scipy import stats

import asemacro as am

ALPHA = 1e-5
KELVIN = 1000.0
LATTICES: dict[str, tuple[Any, Any, Any]] = {
    "bcc": (lambda n, s: am.Lattice.bcc(3.2, s, n), (4, 8), {"": 0.72720}),
    "fcc": (lambda n, s: am.Lattice.fcc(3.6, s, n), (3, 6), {"": 0.78146}),
    "diamond": (lambda n, s: am.Lattice.diamond(5.4, s, n), (2, 4), {"": 0.5}),
    "hcp": (
        lambda n, s: am.Lattice.hcp(2.5, s, (2 * n, 2 * n, n)),
        (3, 6),
        {"normal to c": 0.78121, "along c": 0.78146},
    ),
}
FREQUENCIES = {"w0": 1.0, "w1": 4.0, "w2": 6.0, "w3": 0.5, "w4": 1.5}
"""Vacancies go round the solute rather than away from it, and drag it along."""


def first_shell(lattice: am.Lattice) -> np.ndarray:
    return lattice.shells(1)[0].offsets


def by_components(tensor: np.ndarray, lattice: am.Lattice) -> np.ndarray:
    if lattice.prototype == "hcp":
        return np.stack([(tensor[..., 0, 0] + tensor[..., 1, 1]) / 2, tensor[..., 2, 2]], axis=-1)
    return np.trace(tensor, axis1=-2, axis2=-1)[..., None] / 3


def assert_within(measured: Any, expected: np.ndarray, runs: int) -> None:
    """Student's law, Bonferroni over all values."""
    value, error = np.ravel(measured.value), np.ravel(measured.error)
    most = stats.t.isf(ALPHA / (2 * value.size), runs - 1)
    assert (np.abs(value - np.ravel(expected)) <= most * error).all(), (value, error, expected)


@pytest.mark.parametrize("name", LATTICES)
def test_exact_factors_of_boxes_tend_to_those_of_crystals(name: str) -> None:
    """The linear solve, extrapolated over 1 / N, gives the published numbers of the infinite crystal."""
    make, sizes, published = LATTICES[name]
    boxes = [make(n, ["Ni"]) for n in sizes]
    found = [exact_diffusion.equal_rates(box, first_shell(box)) for box in boxes]
    f = np.array(
        [by_components(e.products[1, 1], b) / by_components(e.walk[1], b) for e, b in zip(found, boxes, strict=True)]
    )
    small, large = (1 / box.n_sites for box in boxes)
    limit = f[1] + (f[1] - f[0]) * large / (small - large)
    np.testing.assert_allclose(limit, list(published.values()), atol=4e-4)


def pure(name: str, hops: int, runs: int) -> tuple[Any, Any, am.Lattice]:
    """What `diffusion` finds of a metal of one element, and what is exact of that box."""
    make, sizes, _ = LATTICES[name]
    box = make(sizes[0], ["Ni"])
    model = am.PairBarrier(["Ni"], {"Ni": 0.8}, [{}])
    found = am.diffusion(
        box, model, temperatures_K=[KELVIN], sites=box.n_sites, vacancies=1, runs=runs, hops=hops, settle_hops=1000,
        workers=1, rng=np.random.default_rng(11),
    )  # fmt: skip
    return found.at[0], exact_diffusion.equal_rates(box, first_shell(box)), box


def check_pure(name: str, hops: int, runs: int) -> None:
    at, exact, box = pure(name, hops, runs)
    rate = 1e13 * np.exp(-0.8 / (kB * KELVIN))
    assert at.components == tuple(LATTICES[name][2])
    d = rate * 1e-20 * by_components(exact.products[[0, 1], [0, 1]], box)
    assert_within(at.tracer, d, runs)
    distance = box.shells(1)[0].distance
    z = first_shell(box).shape[1]
    np.testing.assert_allclose(d[0], z * distance**2 * rate * 1e-20 / 6, rtol=1e-6)  # of the ideal hcp too
    factor = by_components(exact.products[1, 1], box) / by_components(exact.walk[1], box)
    assert_within(at.factor, np.stack([np.ones_like(factor), factor]), runs)
    ratio = at.factor.error[1] / factor
    assert (ratio < 0.02).all(), "or the test would say nothing"


@pytest.mark.parametrize("name", LATTICES)
def test_tracers_and_vacancy_of_a_pure_metal(name: str) -> None:
    check_pure(name, hops=20_000, runs=16)


@pytest.mark.slow
@pytest.mark.parametrize("name", LATTICES)
def test_tracers_and_vacancy_of_a_pure_metal_tightly(name: str) -> None:
    check_pure(name, hops=400_000, runs=32)


def five_frequencies() -> am.CallableBarriers:
    """Jumps of a vacancy in Ni around a solute Al: w0 far from it, w1 round it, w2 of it, w3 away, w4 towards it."""
    barrier = {name: 0.8 - kB * KELVIN * np.log(w) for name, w in FREQUENCIES.items()}

    def barriers(symbols: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        near = np.linalg.norm(offsets[0])
        values = np.full(12, barrier["w0"])
        for solute in np.flatnonzero(symbols == "Al"):
            beside = np.linalg.norm(offsets[solute]) < 1.1 * near
            for jump in range(12):
                apart = np.linalg.norm(offsets[jump] - offsets[solute])
                if apart < 0.1 * near:
                    values[jump] = barrier["w2"]
                elif apart < 1.1 * near:
                    values[jump] = barrier["w1" if beside else "w4"]
                elif beside:
                    values[jump] = barrier["w3"]
        return values

    return am.CallableBarriers(barriers, 2.01 * 3.6 / np.sqrt(2), species=["Al", "Ni"], name="five frequencies")


def exact_five(cells: int) -> tuple[exact_diffusion.Exact, am.Lattice]:
    """In units of w0."""
    box = am.Lattice.fcc(3.6, ["Al", "Ni"], cells)
    jumps = first_shell(box)
    near = box.neighbours(jumps)
    beside = [set(row.tolist()) for row in near]

    def rates(vacancy: int, atom: int) -> np.ndarray:
        kind = []
        for target in near[vacancy].tolist():
            if target == atom:
                kind.append("w2")
            elif vacancy in beside[atom]:
                kind.append("w1" if target in beside[atom] else "w3")
            else:
                kind.append("w4" if target in beside[atom] else "w0")
        return np.array([FREQUENCIES[name] for name in kind])

    return exact_diffusion.exact(box, jumps, rates), box


def koiwa(x: float) -> float:
    """F of Manning's correlation factor: Koiwa and Ishioka, Philos. Mag. A 47, 927 (1983)."""
    over = 10 * x**4 + 180.3121 * x**3 + 924.3303 * x**2 + 1338.0577 * x
    return 1 - over / (7 * (2 * x**4 + 40.1478 * x**3 + 253.3 * x**2 + 595.9725 * x + 435.2839))


def test_exact_solute_of_boxes_tends_to_manning() -> None:
    """f2 = (w1 + 7 F w3 / 2) / (w1 + w2 + 7 F w3 / 2), and L_AB / L_BB of Allnatt and Lidiard."""
    w0, w1, w2, w3, w4 = FREQUENCIES.values()
    f = koiwa(w4 / w0)
    away = w1 + 3.5 * f * w3
    factors, ratios, inverse = [], [], []
    for cells in (4, 6):
        found, box = exact_five(cells)
        vv, vb, bb = (np.trace(found.products[i, j]) for i, j in ((0, 0), (0, 1), (1, 1)))
        factors.append(bb / np.trace(found.walk[1]))
        ratios.append((-vb - bb) / bb)  # R_A = -R_V - R_B
        inverse.append(1 / box.n_sites)
    assert vv > 0
    step = inverse[1] / (inverse[0] - inverse[1])
    assert factors[1] + (factors[1] - factors[0]) * step == pytest.approx(away / (away + w2), rel=3e-3)
    expected = (3 * w3 - 2 * w1 + 7 * w3 * (1 - f) * (w0 - w4) / w4) / away
    assert ratios[1] + (ratios[1] - ratios[0]) * step == pytest.approx(expected, rel=0.02)
    assert expected < -1, "the solute flows with the vacancies, up the gradient that they have"


def check_five(hops: int, runs: int, cells: int = 3) -> None:
    exact, box = exact_five(cells)
    x = np.full(box.n_sites, 2, dtype=np.int8)
    x[0], x[1] = 1, 0
    found = am.diffusion(
        box.to_atoms(x), five_frequencies(), temperatures_K=[KELVIN], sites=box.n_sites, runs=runs, hops=hops,
        settle_hops=1000, workers=1, rng=np.random.default_rng(3),
    )  # fmt: skip
    at = found.at[0]
    unit = 1e13 * np.exp(-0.8 / (kB * KELVIN)) * 1e-20
    d = unit * np.trace(exact.products, axis1=-2, axis2=-1) / 3
    assert at.concentration == 1 / box.n_sites
    assert_within(type(at.tracer)(at.tracer.value[:2], at.tracer.error[:2]), [d[0, 0], d[1, 1]], runs)
    expected = np.array([[d[0, 0], d[0, 1]], [d[1, 0], d[1, 1]]]) / box.n_sites
    measured = type(at.onsager)(at.onsager.value[:2, :2, 0], at.onsager.error[:2, :2, 0])
    assert_within(measured, expected, runs)
    drag = at.onsager.value[0, 1, 0] / at.onsager.error[0, 1, 0]
    assert drag > 4, "L_BV > 0: the solute is dragged along by the vacancy"
    assert at.onsager.value[1, 2, 0] < -at.onsager.value[1, 1, 0] < 0, "so L_AB is negative and outweighs L_BB"


def test_five_frequency_model_of_a_solute() -> None:
    check_five(hops=60_000, runs=16)


@pytest.mark.slow
def test_five_frequency_model_of_a_solute_tightly() -> None:
    check_five(hops=400_000, runs=32)
