"""Figures 8a to 8c with tiny budgets: every row there, the truths in place, the sizes told apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from asemacro.macro.train import FitOptions
from asemacro.studies.paper import fig8a, fig8b, fig8c
from asemacro.studies.paper.report import Result


def silent(task: str, fraction: float, text: str) -> None:
    assert -1e-9 <= fraction <= 1 + 1e-9


@pytest.fixture(scope="module", autouse=True)
def short_training() -> Iterator[None]:
    """The fit that starts from least squares, hardly trained: these tests are about the figures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asemacro.studies.alloy.prediction.FIT", FitOptions(max_epochs=1, min_steps=10, max_steps=10))
        yield


@pytest.fixture(scope="module")
def over_time() -> Result:
    budget = fig8a.Budget((2000,), small_runs=8, small_hops=2000, direct_runs=2, direct_hops=1000, trajectories=20)
    return fig8a.compare(budget, rng=np.random.default_rng(0), progress=silent)


def test_fig8a_rows_and_table(over_time: Result) -> None:
    names = [row.quantity for row in over_time.rows]
    assert [name for name in names if name.endswith("/rms")] == [
        f"delta/{pair}/T=2000/rms" for pair in ("Nb-Mo", "Nb-Ta", "Mo-Ta")
    ]
    assert len(names) == len(set(names)) == 3 * 7
    assert all(row.reference is not None for row in over_time.rows if not row.quantity.endswith("rms"))
    assert all(row.target == (None, 0.01) for row in over_time.rows if row.quantity.endswith("rms"))
    table = over_time.tables[""]
    assert len(table.columns) == 2 + 3 * 4
    assert all(len(line) == len(table.columns) for line in table.rows)


def test_fig8a_starts_from_random(over_time: Result) -> None:
    # a random alloy has no order: sd of one delta of 8,192 sites is about sqrt(Z / N_i) = .054 at most
    first = np.array(over_time.tables[""].rows[0][2:], dtype=float).reshape(3, 4)
    assert (np.abs(first[:, [0, 2]]) < 0.2).all()
    assert (first[:, [1, 3]] < 0.1).all()


@pytest.fixture(scope="module")
def sizes() -> Result:
    budget = fig8c.Budget(small_runs=8, hops=2000, direct_runs=((8192, 2),), trajectories=50)
    return fig8c.compare(budget, rng=np.random.default_rng(0), progress=silent)


def test_fig8c_noise_falls_with_size(sizes: Result) -> None:
    found = {row.quantity: row.here for row in sizes.rows}
    assert len(found) == 3 * 5
    table = np.array(sizes.tables[""].rows, dtype=float)
    columns = list(sizes.tables[""].columns)
    # starts and noise both scale by the number of sites: the scatter is exactly 1/sqrt(n) in law
    spread = [table[:, columns.index(f"n={n}_sd")].mean() for n in fig8c.SIZES]
    ratios = np.array(spread[:-1]) / spread[1:]
    assert (np.abs(ratios / np.sqrt(8) - 1) < 0.35).all()
    assert "delta/Ta-Ta/K=1/n=1024/sd" in found


def test_fig8c_curves_by_hand() -> None:
    times = np.linspace(0, 10, 2001)
    curve = fig8c.Curve("n=1", times, 0.5 * (1 - np.exp(-times))[None].repeat(3, axis=0))
    mean, sd = curve.equilibrium()
    assert mean == pytest.approx(0.5, rel=2e-3)
    assert sd == pytest.approx(0, abs=1e-12)
    assert curve.equilibration_time_s() == pytest.approx(3.0, rel=5e-3)
    assert np.allclose(curve.errors(np.random.default_rng(0)), 0, atol=1e-12)


def test_fig8b_rows_and_published_points() -> None:
    budget = fig8b.Budget((1000, 2000), hops=1000, anneal_hops=800)
    result = fig8b.compare(budget, rng=np.random.default_rng(0), progress=silent)
    rows = {row.quantity: row for row in result.rows}
    assert rows["delta/Mo-Ta/T=1000"].published == 1.12
    assert rows["delta/Ta-Ta/T=2000"].published == -0.34
    assert rows["delta/Mo-Ta/T=2000"].reference_kind == "direct"
    assert rows["peak_temperature_K/Mo-Ta"].target == (700.0, 1000.0)
    labels = [text.get_text() for text in result.draw().legends[0].get_texts()]
    assert labels[-1] == "published"
    assert "direct KMC" in labels
