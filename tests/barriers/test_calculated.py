"""Barriers by bands on the fly: equal to bands labelled one by one, each computed once, both directions from one."""

from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.units import kB

from asemacro.barriers.calculated import CalculatorBarriers, _sites
from asemacro.barriers.labelling.bands import BandSettings, Jump
from asemacro.barriers.labelling.neb import compute_band
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC

BARE = BandSettings(relax="none", images=1)
CELL = Lattice.fcc(3.7, ["Cu", "Au"], 2)
NEAR = CELL.neighbours(CELL.shells(1)[0].offsets)


def alloy(gold: int, seed: int = 0) -> np.ndarray:
    return CELL.random_state({"Cu": 31 - gold, "Au": gold, "X": 1}, rng=np.random.default_rng(seed))[0]


def labelled(x: np.ndarray, jumping: int, settings: BandSettings) -> tuple[float, float]:
    """The barriers of a jump and the jump back as the labelling room computes them."""
    band = compute_band(Jump(CELL, x, jumping, "test"), EMT(), "emt", settings, {})
    assert not band.reason
    return band.forward_eV, band.backward_eV


def test_pure_metal_and_alloy_on_the_bare_lattice() -> None:
    model = CalculatorBarriers("emt", BARE)
    pure, x = alloy(0), alloy(6)
    vacancy = int(np.flatnonzero(pure == 0)[0])
    barriers = model.barriers(CELL, pure, np.array([vacancy]))
    assert np.ptp(barriers) < 1e-6
    assert barriers[0, 3] == pytest.approx(labelled(pure, int(NEAR[vacancy, 3]), BARE)[0], abs=1e-9)
    assert model.bands == 12
    vacancy = int(np.flatnonzero(x == 0)[0])
    barriers = model.barriers(CELL, x, np.array([vacancy]))[0]
    assert {1, 2} <= set(x[NEAR[vacancy]])
    assert np.ptp(barriers) > 0.05
    for j in (0, 7):
        assert barriers[j] == pytest.approx(labelled(x, int(NEAR[vacancy, j]), BARE)[0], abs=1e-6)
    # the jump back is known, in the surroundings as the vacancy sees them from its new site
    after = x.copy()
    target = int(NEAR[vacancy, 7])
    after[[vacancy, target]] = after[[target, vacancy]]
    before = model.bands
    back = model.barriers(CELL, after, np.array([target]))[0, NEAR[target] == vacancy][0]
    assert back == pytest.approx(labelled(x, target, BARE)[1], abs=1e-6)
    assert model.bands == before + 11


@pytest.mark.parametrize("gold", [False, True])
def test_relaxed_bands(gold: bool) -> None:
    """One jump of pure copper and one of a gold atom; the other jumps of this vacancy are not computed here."""
    settings = BandSettings(images=1, end_force=0.05, band_force=0.1)
    model = CalculatorBarriers("emt", settings)
    x = np.ones(CELL.n_sites, dtype=np.int8)
    x[0], x[NEAR[0, 4]] = 0, 1 + gold
    compiled = model.compile(CELL)
    env = x[_sites(CELL, compiled.env[0])]
    assert np.array_equal(np.sort(_sites(CELL, compiled.env[0])), np.arange(CELL.n_sites))
    model._compute(compiled, 0, env, 4)
    assert model.bands == 1
    forward, backward = model._known.values()
    assert (forward, backward) == pytest.approx(labelled(x, int(NEAR[0, 4]), settings), abs=1e-9)
    assert 0.3 < forward < 1.2


def test_kinetics_remember_every_band() -> None:
    """Pure metal: one band for each direction, whatever the site; the time is that of 12 equal rates."""
    model = CalculatorBarriers("emt", BARE, attempt_frequency_Hz={"Cu": 5e12})
    system = VacancyKMC(CELL, model, 900.0)
    x = alloy(0)
    run = system.run(x, hops=200, rng=np.random.default_rng(1))
    assert run.hops == 200
    assert model.bands <= 4 * 12
    known = model.bands
    barrier = model.barriers(CELL, x, np.flatnonzero(x == 0))[0, 0]
    np.testing.assert_allclose(system.rates(x), 5e12 * np.exp(-barrier / (kB * 900.0)), rtol=1e-4)
    system.at(1200.0).run(x, hops=50, rng=np.random.default_rng(2))
    assert model.bands == known


@pytest.mark.parametrize(
    ("lattice", "vacancies", "settings", "words"),
    [
        (CELL, 2, BARE, "bands of one vacancy; the cell has 2"),
        (CELL, 1, BandSettings(images=1, most_steps=1), "of a jump of .* failed: .* did not relax in 1 steps; change"),
        (Lattice.fcc(3.7, ["Cu", "Au"], 1), 1, BARE, "a larger cell than 1 x 1 x 1: .* the same atom; repeat it"),
        (Lattice.fcc(3.7, ["Cu", "Au"], 5), 1, BARE, "500 sites has too many arrangements, at most 256"),
        (Lattice.fcc(4.0, ["Cu", "W"], 2), 1, BARE, "fails: No EMT-potential for W"),
    ],
)
def test_what_it_refuses_is_one_line(lattice: Lattice, vacancies: int, settings: BandSettings, words: str) -> None:
    model = CalculatorBarriers("emt", settings)
    x = lattice.random_state(vacancies=vacancies, rng=np.random.default_rng(0))[0]
    with pytest.raises(ValueError, match=words) as caught:
        model.barriers(lattice, x, np.flatnonzero(x == 0)[:1])
    assert "\n" not in str(caught.value)
