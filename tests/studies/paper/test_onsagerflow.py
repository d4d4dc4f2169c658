"""Block fields of Kac spins, learned and run: what the figure measures, in small, and how it is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from asemacro.macro.spde import EntropySlope, GlauberMobility, NeuralSPDE
from asemacro.studies.paper.onsagerflow import figure
from asemacro.studies.paper.onsagerflow.equilibrium import Law, LawBudget, Scatter, ScatterBudget, law, scatter
from asemacro.studies.paper.onsagerflow.kinetics import FlipBudget, Flips, GrowthBudget, flips, growth
from asemacro.studies.paper.onsagerflow.large import (
    Coarsening,
    CoarseningBudget,
    QuenchBudget,
    SpeedBudget,
    coarsening,
    quench,
    speed,
)
from asemacro.studies.paper.onsagerflow.learning import COUPLINGS, Learned, Lesson, learn, task_of
from asemacro.studies.paper.onsagerflow.runs import Clock, of_model, of_spins
from asemacro.tasks.checkpoint import Checkpoint
from asemacro.tasks.progress import silent
from asemacro.tasks.running import run_tasks
from asemacro.tasks.streams import Streams

SIGMAS = 4.4  # two-sided 1e-5
SMALL = Lesson("top-hat", 4.0, 2, 32, 1.25, 12, 2)


def exact(lesson: Lesson) -> NeuralSPDE:
    """The equation of these spins, nothing of it learned."""
    return NeuralSPDE(lesson.true, GlauberMobility(), EntropySlope(), lesson.block**2, lesson.block)


@cache
def learned(lesson: Lesson) -> Learned:
    """The lesson of the figure, with its random numbers."""
    return learn(lesson, rng=Streams.of(np.random.default_rng(0))(lesson.name), progress=silent)


def test_lessons_are_kept_and_found_again(tmp_path: Path) -> None:
    (first,) = run_tasks([task_of(SMALL, Streams((3,)))], store=Checkpoint(tmp_path), workers=1)
    task = dataclasses.replace(task_of(SMALL, Streams((3,))), work=None)  # type: ignore[arg-type]
    (again,) = run_tasks([task], store=Checkpoint(tmp_path), workers=1)
    assert (again.blocks, again.total_error) == (first.blocks, first.total_error) == (6144, first.total_error)
    assert again.kernel_error(SMALL) == first.kernel_error(SMALL)
    assert again.sigmas() == first.sigmas()
    np.testing.assert_array_equal(again.table.value, first.table.value)


def test_what_is_exact_has_no_error() -> None:
    one = dataclasses.replace(learned(SMALL), spde=exact(SMALL))
    assert one.kernel_error(SMALL) == 0
    assert one.mobility_error(SMALL) < 1e-12
    assert Lesson("gaussian", 4.0, 2, 32, 0.8, 1).well == pytest.approx(0.7104, abs=1e-4)
    assert SMALL.well == 0


def test_spins_and_equations_are_looked_at_at_the_same_times() -> None:
    system, rng, clock = SMALL.system(), np.random.default_rng(0), Clock(1.0, 4)
    x = system.independent(np.zeros((3, 1024), dtype=np.float32), rng=rng)

    def look(fields: np.ndarray) -> np.ndarray:
        return fields.mean(axis=(1, 2))

    seen = of_spins(system, x, 2, clock, look, rng=rng, progress=silent)
    start = x.reshape(3, 16, 2, 16, 2).mean(axis=(2, 4))
    model = of_model(exact(SMALL), 1.25, start, clock, look, rng=rng, progress=silent)
    assert seen.shape == model.shape == (5, 3) == (len(clock.times), 3)
    np.testing.assert_allclose(seen[0], x.mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(model[0], seen[0], atol=1e-6)


def test_bands_and_their_errors() -> None:
    n = 17
    waves = np.arange(1.0, n + 1)
    one = Scatter(np.linspace(0, 3, n), waves, np.full(n, 2.0), np.full(n, 0.1), np.full(n, 2.1), np.zeros(n))
    bands = one.bands()
    np.testing.assert_allclose(bands[:, 0], 1.05)
    assert one.error == pytest.approx(0.05)
    # two rings of 2 and 3 waves
    assert bands[0, 1] == pytest.approx(0.05 * 1.05 / 1.05 * np.hypot(2, 3) / 5)
    short = Scatter(*(part[:9] for part in (one.k, waves, one.spins, one.spins_error, one.model, one.model_error)))
    assert len(short.bands()) == 3


def test_exponents_of_known_laws() -> None:
    times = np.arange(1.0, 201.0)
    for n, t0 in ((0.5, 12.0), (1 / 3, 0.0)):
        length = 40.0 * (times + t0) ** n
        one = Coarsening(times, length, np.ones(200), np.zeros((2, 2)), np.array([60.0, 1e6]), 0.5, 0.0)
        found, plain = one.exponent
        assert found == pytest.approx(n, abs=1e-3)
        assert plain == pytest.approx(0.352 if t0 else n, abs=1e-3), "a length from the start looks like slow growth"
        assert one.length[one.inside].min() > 60
    forming = dataclasses.replace(one, mean_square=np.minimum(times / 100, 1.0))
    assert times[forming.inside].min() == 51
    with pytest.raises(ValueError, match="seen at 3 times"):
        _ = dataclasses.replace(one, window=np.array([one.length[-4], 1e6])).exponent


def test_rates_and_their_ratio() -> None:
    one = Flips(np.array([400.0, 420, 30, 0, 0]), np.array([1e6, 1e6, 1e5, 1e5, 1e5]))
    ratio, error = one.ratio
    assert ratio == pytest.approx(1.05)
    assert error == pytest.approx(1.05 * np.sqrt(1 / 400 + 1 / 420))
    assert one.rates()["hydrodynamic limit"].count == 0
    same = np.random.default_rng(0).normal(size=(2, 500))
    assert Law(same[0], same[1], np.zeros(1), np.zeros(1)).p > 1e-5
    assert Law(same[0], same[1] + 1, np.zeros(1), np.zeros(1)).p < 1e-5


def test_a_tiny_figure_from_end_to_end_and_again_from_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = Lesson("top-hat", 8.0, 4, 64, 0.7, 8, 2)
    tiny = figure.Budget(
        kernels=tuple(Lesson(c, 4.0, 2, 32, t, 12, 2) for c in COUPLINGS for t in figure.TEMPERATURES),
        fine=tuple(Lesson("top-hat", 8.0, 2, 32, t, 12, 2) for t in (0.8, 1.25)),
        wells=tuple(Lesson("top-hat", 8.0, 7, 42, t, 12, 2) for t in (0.9, 1.25)),
        long=(wide, dataclasses.replace(wide, range=16.0, block=8, window=0.05)),
        scatter=ScatterBudget(32, 4, 3.0, 3.0, 3),
        growth=GrowthBudget(16, 8),
        law=LawBudget(copies=20, settle=4.0),
        flips=FlipBudget(copies=10, until=8.0, base_copies=2, base_until=8.0),
        quench=QuenchBudget(64, 8.0, 4),
        coarsening=CoarseningBudget(96, 40.0, 0.5),
        field=CoarseningBudget(64, 10.0),
        speeds=(SpeedBudget(128, 0.5, 1.0), SpeedBudget(128, 0.1, 5.0)),
    )
    monkeypatch.setattr(figure, "QUICK", tiny)

    def run() -> list[dict[str, object]]:
        told: list[float] = []
        result = figure.run(
            quick=True, rng=np.random.default_rng(0), store=Checkpoint(tmp_path),
            progress=lambda task, fraction, text: told.append(fraction),
        )  # fmt: skip
        assert result.draw().axes
        assert max(told) <= 1 + 1e-9
        for name, table in result.tables.items():
            assert table.rows, name
            assert all(len(row) == len(table.columns) for row in table.rows), name
        return [dataclasses.asdict(row) for row in result.rows]

    first = run()
    names = [str(row["quantity"]) for row in first]
    for start in ("mobility/T=", "kernel/T=", "J0/T="):
        assert sum(name.startswith(start) and name.count("/") == 2 for name in names) == 6
    assert len(set(names)) == len(names)

    def never(name: str) -> Callable[..., None]:
        def work(*args: object, **kwargs: object) -> None:
            raise AssertionError("a finished part is run again")

        work.__name__ = name
        return work

    for name in ("scatter", "growth", "law", "flips", "quench", "coarsening", "speed"):
        monkeypatch.setattr(figure, name, never(name))
    assert run() == first


# --- the learned equation against fresh spins: minutes each ------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("lesson", figure.FULL.kernels, ids=lambda lesson: lesson.name)
def test_kernel_mobility_and_total_of_spins(lesson: Lesson) -> None:
    one = learned(lesson)
    assert one.kernel_error(lesson) < 0.05
    assert one.mobility_error(lesson) < 0.03
    assert one.sigmas() > 8, "neither 1 nor 1 - m^2"
    assert one.spde.kernel.total == pytest.approx(1, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("lesson", [figure.FULL.fine[1], figure.FULL.kernels[2]], ids=lambda lesson: lesson.name)
def test_structure_factor_of_fresh_spins(lesson: Lesson) -> None:
    budget = ScatterBudget(copies=40, fields=40)
    found = scatter(lesson, learned(lesson).spde, budget, rng=np.random.default_rng(2), progress=silent)
    ratio, error = found.bands().T
    assert (np.abs(ratio - 1) < 0.03 + SIGMAS * error).all()
    assert (error < 0.02).all()


@pytest.mark.slow
def test_waves_grow_as_those_of_fresh_spins() -> None:
    lesson = figure.FULL.fine[0]
    found = growth(
        lesson, learned(lesson).spde, GrowthBudget(copies=300), rng=np.random.default_rng(3), progress=silent
    )
    assert found.error < 0.05 + SIGMAS * 0.02
    assert found.mean_square < 0.03


@pytest.mark.slow
def test_wells_are_filled_and_left_as_by_fresh_spins() -> None:
    lesson = figure.FULL.wells[0]
    spde, rng = learned(lesson).spde, np.random.default_rng(4)
    assert law(lesson, spde, LawBudget(copies=1500), rng=rng, progress=silent).p > 1e-5
    found = flips(lesson, spde, FlipBudget(copies=400, until=1000.0), rng=rng, progress=silent)
    ratio, error = found.ratio
    assert abs(ratio - 1) < 0.15 + SIGMAS * error
    rates = found.rates()
    assert rates["spins"].count > 150
    assert rates["Allen-Cahn"].count == rates["hydrodynamic limit"].count == 0


@pytest.mark.slow
def test_large_fields_agree_with_spins_grow_by_a_root_and_are_faster() -> None:
    lesson = Lesson("top-hat", 32.0, 16, 1024, 0.7, 20, 4)
    spde, rng = learned(lesson).spde, np.random.default_rng(5)
    found = quench(lesson, spde, QuenchBudget(1024, 16.0, 8), rng=rng, progress=silent)
    ratio = found.model[-1] / found.spins[-1]
    assert (np.abs(ratio - 1) < 0.3).all(), "few domains"
    n, _ = coarsening(lesson, spde, CoarseningBudget(256, 200.0, 0.8), rng=rng, progress=silent).exponent
    assert n == pytest.approx(0.5, abs=0.15), "few domains"
    fast = speed(lesson, spde, SpeedBudget(1024, 0.2, 5.0), rng=rng, progress=silent)
    assert fast.spins > 5 * fast.model
