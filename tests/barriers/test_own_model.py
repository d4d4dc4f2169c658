"""A barrier model of a third party, derived from `BarrierModel`, runs wherever the built-in ones run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import asemacro as am
from asemacro.barriers.base import BarrierModel
from asemacro.barriers.compiled import PYTHON, CompiledBarriers, CompiledEnergy
from asemacro.barriers.pair import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.macro.train import FitOptions
from asemacro.studies.alloy import prediction

SPECIES = ("Mo", "Ta")
LATTICE = Lattice.bcc(3.2, SPECIES, 4)


class Heated(BarrierModel):
    """Pair energies that depend on a parameter of their own: nothing but what must be there, and the energy."""

    has_energy = True

    def __init__(self, strength: float) -> None:
        self.pair = PairBarrier(SPECIES, {"Mo": 0.7, "Ta": 0.6}, [{"Mo-Ta": -0.05 * strength}])

    def compile(self, lattice: Lattice) -> CompiledBarriers:
        self.check(lattice)
        return self.pair.compile(lattice)

    def compile_energy(self, lattice: Lattice) -> CompiledEnergy:
        return self.pair.compile_energy(lattice)


class Flat(BarrierModel):
    """The same barrier everywhere, told in Python."""

    species = SPECIES
    name = "flat"

    def compile(self, lattice: Lattice) -> CompiledBarriers:
        self.check(lattice)
        return PairBarrier(SPECIES, {"Mo": 0.7, "Ta": 0.6}, [{}]).compile(lattice)._replace(kind=PYTHON)

    def evaluate(self, compiled: CompiledBarriers, basis: int, env: np.ndarray) -> np.ndarray:
        assert basis in (0, 1)
        return np.append(np.where(env[1:9] == 0, np.inf, 0.7), 0.0)


def test_vacancies_move_by_it() -> None:
    own, known = Heated(1.0), Heated(1.0).pair
    x = LATTICE.random_state(vacancies=2, rng=np.random.default_rng(0))
    sites = np.flatnonzero(x[0] == 0)
    np.testing.assert_array_equal(own.barriers(LATTICE, x[0], sites), known.barriers(LATTICE, x[0], sites))
    runs = [
        am.VacancyKMC(LATTICE, model, 900.0).run(x, hops=50, rng=np.random.default_rng(1)) for model in (own, known)
    ]
    np.testing.assert_array_equal(runs[0].x, runs[1].x)
    assert runs[0].time_s == runs[1].time_s


def test_one_told_in_python_has_the_exact_rates() -> None:
    x = LATTICE.random_state(vacancies=2, rng=np.random.default_rng(0))
    kmc = am.VacancyKMC(LATTICE, Flat(), 1000.0)
    expected = np.where(np.isfinite(Flat().barriers(LATTICE, x[0], np.flatnonzero(x[0] == 0))), 1.0, 0.0)
    np.testing.assert_allclose(kmc.rates(x), expected * 1e13 * np.exp(-0.7 / (8.617333e-5 * 1000.0)), rtol=1e-5)
    assert kmc.run(x, hops=20, rng=np.random.default_rng(1)).hops == 20


def test_atoms_swap_by_its_energy_if_it_has_one() -> None:
    x = LATTICE.random_state(vacancies=2, rng=np.random.default_rng(0))
    own, known = (
        am.SwapMC(LATTICE, m, 600.0).run(x, 3, rng=np.random.default_rng(1)) for m in (Heated(1.0), Heated(1.0).pair)
    )
    np.testing.assert_array_equal(own.x, known.x)
    assert own.energy_change_eV < 0
    with pytest.raises(ValueError, match="barrier model flat has no energy, so it has no equilibrium"):
        am.SwapMC(LATTICE, Flat(), 600.0)


def test_what_it_lacks_is_said_in_one_line() -> None:
    class Silent(Flat):
        def evaluate(self, *words: Any) -> np.ndarray:
            return BarrierModel.evaluate(self, *words)

    x = LATTICE.random_state(vacancies=1, rng=np.random.default_rng(0))
    with pytest.raises(NotImplementedError, match="flat compiles to the kind PYTHON and has no `evaluate`"):
        am.VacancyKMC(LATTICE, Silent(), 900.0).run(x, hops=1, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="flat does not know Nb"):
        am.VacancyKMC(Lattice.bcc(3.2, ("Nb", "Mo"), 4), Flat(), 900.0)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (np.full(8, 0.7), r"gives the shape \(8,\), not Z \+ 1 = 9 real numbers$"),
        (np.full(12, 0.7), r"gives the shape \(12,\), not Z"),  # the loop would write beyond its table
        (0.7, r"gives 0.7, not Z"),
        (None, r"gives None, not Z"),
        (np.full(9, 0.7j), r"gives the shape \(9,\), not Z \+ 1 = 9 real numbers$"),
        (np.full(9, np.nan), r"gives the barrier nan eV for the jump of (Mo|Ta) \(number \d\)"),
        (np.full(9, np.inf), r"gives the barrier inf eV for"),
        (np.full(9, -5.0), r"gives the barrier -5.0 eV for"),
        (np.full(9, 700.0), r"gives the barrier 700.0 eV .*; it must be a number of 0 to 100, in eV$"),
    ],
)
def test_a_wrong_answer_in_python_is_one_line_that_names_the_class(answer: Any, message: str) -> None:
    class Wrong(Flat):
        def evaluate(self, *words: Any) -> Any:
            return answer

    x = LATTICE.random_state(vacancies=1, rng=np.random.default_rng(0))
    kmc = am.VacancyKMC(LATTICE, Wrong(), 900.0)
    for call in (
        lambda: kmc.run(x, hops=1, rng=np.random.default_rng(0)),
        lambda: Wrong().barriers(LATTICE, x[0], np.flatnonzero(x[0] == 0)),
    ):
        with pytest.raises(ValueError, match="^barrier model flat: Wrong.evaluate " + message):
            call()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_targets": 12}, r"compiles to 12 jumps and env .*; this lattice has 8 jumps from each site"),
        ({"env": np.zeros((1, 65, 4), np.int64)}, r"env must be \(2, 9 or more, 4\)$"),
        ({"env": np.zeros((2, 5, 4), np.int64)}, r"and env \(2, 5, 4\); this lattice"),
        ({"species": np.zeros(2, np.int8)}, "numbers 2 species; the lattice has the vacancy and 2 species$"),
    ],
)
def test_tables_of_another_lattice_are_refused(change: dict[str, Any], message: str) -> None:
    class Other(Flat):
        def compile(self, lattice: Lattice) -> CompiledBarriers:
            return super().compile(lattice)._replace(**change)

    x = LATTICE.random_state(vacancies=1, rng=np.random.default_rng(0))
    for call in (
        lambda: am.VacancyKMC(LATTICE, Other(), 900.0),
        lambda: Other().barriers(LATTICE, x[0], np.flatnonzero(x[0] == 0)),
    ):
        with pytest.raises(ValueError, match="^barrier model flat .*" + message):
            call()


def test_a_diagram_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        prediction, "FIT", FitOptions(max_epochs=2, min_steps=60, max_steps=60)
    )  # a good fit costs time
    diagram = am.phase_diagram(
        LATTICE, Heated(1.0), temperatures_K=[1500.0], sites=512, small=128, hops=1000, sweeps=50,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert {point.temperature_K for point in diagram.points} == {1500.0}
    assert "of your own" in str(diagram.about)
