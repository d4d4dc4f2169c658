"""A diagram as a whole: one value of each quantity in table, figures and print, and every number is one."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asemacro.barriers import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.macro.train import FitOptions
from asemacro.observables import WarrenCowley
from asemacro.plot.short_range_order import pair_styles
from asemacro.plot.written_numbers import as_math, written
from asemacro.studies.alloy import prediction
from asemacro.studies.alloy.about import what_members_say
from asemacro.studies.alloy.calculated import PhaseDiagram
from asemacro.studies.alloy.diagram import phase_diagram
from asemacro.studies.alloy.figures import caption, draw_diagram, draw_map
from asemacro.studies.alloy.inputs import listed
from tests.studies.alloy.pair_ensemble import on_both_sides

SPECIES = ("Nb", "Mo", "Ta")
MODEL = PairBarrier(SPECIES, {"Nb": 0.9, "Mo": 1.0, "Ta": 1.05}, [{"Nb-Mo": -0.02, "Mo-Ta": -0.06}, {"Mo-Mo": -0.01}])
LATTICE = Lattice.bcc(3.24, SPECIES, 4)


def diagram_of(temperatures: Sequence[float], model: PairBarrier = MODEL, **more: Any) -> PhaseDiagram:
    options = {"sites": 512, "small": 128, "hops": 1000, "sweeps": 300, "anneal_hops": 2e7} | more
    with pytest.MonkeyPatch.context() as patch:  # what is tested here does not need a good fit
        patch.setattr(prediction, "FIT", FitOptions(max_epochs=2, min_steps=60, max_steps=60))
        return phase_diagram(LATTICE, model, temperatures_K=temperatures, rng=np.random.default_rng(4), **options)


@pytest.fixture(scope="module")
def diagram() -> PhaseDiagram:
    return diagram_of([170.0, 900.0, 1500.0, 2500.0])


def test_fits_and_predictions_tell_how_far_they_are() -> None:
    told: list[tuple[str, float]] = []
    diagram_of([1500.0], progress=lambda task, share, text: told.append((task, share)))
    for task in ("fit", "predict"):
        shares = [share for name, share in told if name == task]
        assert shares == sorted(shares)
        assert shares[0] == 0
        assert shares[-1] == 1
        assert np.diff(shares).max() <= 0.3  # one fit of four, one walk of five: a bar that stands still is none


def test_each_quantity_has_one_best_value(diagram: PhaseDiagram) -> None:
    for pair in diagram.pairs:
        for state in ("equilibrium", "annealed"):
            assert [p.temperature_K for p in diagram.curve(pair, state)] == [170, 900, 1500, 2500]
        assert len(diagram.curve(pair, "equilibrium", "sde")) == 4
        assert len(diagram.curve(pair, "equilibrium", "mc")) == 4
    hot = [p for p in diagram.points if p.temperature_K == 2500 and p.state == "equilibrium"]
    assert {p.source for p in hot} == {"mc"}


def test_the_map_is_that_of_the_curves(diagram: PhaseDiagram) -> None:
    over, pair = diagram.map, diagram.map.pair
    possible = diagram.temperatures_K[1:]  # the anneal at 170 K is longer than the map
    for annealed, rest in zip(diagram.curve(pair, "annealed"), diagram.curve(pair, "equilibrium"), strict=True):
        if annealed.temperature_K not in possible:
            continue
        row = over.delta[over.temperatures_K == annealed.temperature_K][0]
        shown = np.interp(np.log(annealed.anneal_time_s), np.log(over.times_s), row)
        if annealed.trusted:
            assert shown == pytest.approx(annealed.delta, abs=0.02)
        if rest.equilibrium_reached and np.isfinite(row[-1]):
            assert row[-1] == pytest.approx(rest.delta, abs=0.02)
    hot = over.delta[over.temperatures_K == 2500][0]
    assert np.isfinite(hot[-1])


def test_short_runs_do_not_borrow_the_bars_of_the_swaps(diagram: PhaseDiagram) -> None:
    pair = diagram.map.pair
    for annealed in diagram.curve(pair, "annealed"):
        if annealed.temperature_K > 200:
            # four runs of 127 atoms that are a thousand hops long cannot tell the order within a hundredth
            assert annealed.delta_err > 0.01
    # runs that hardly moved are at no equilibrium
    assert not diagram.curve(pair, "annealed")[0].equilibrium_reached


def test_an_endless_anneal_is_no_measurement(diagram: PhaseDiagram) -> None:
    cold = diagram.curve(diagram.map.pair, "annealed")[0]
    assert cold.temperature_K == 170
    assert cold.anneal_time_s > 1e18
    assert not cold.trusted


def test_numbers_are_numbers(diagram: PhaseDiagram, tmp_path: Path) -> None:
    for point in diagram.points:
        values = [point.delta, point.delta_err, point.delta_low, point.delta_high, point.alpha, point.alpha_err]
        assert np.isfinite(values).all()
        assert point.delta_low <= point.delta <= point.delta_high
    json.dumps(diagram.about, allow_nan=False)
    assert {path.name for path in diagram.save(tmp_path)} == {
        "sro.csv", "sro.png", "ttt.csv", "ttt.png", "thermodynamics.csv", "final.extxyz", "courses.npz",
        "sde.safetensors",
    }  # fmt: skip
    rows = list(csv.DictReader((tmp_path / "thermodynamics.csv").read_text().splitlines()))
    assert [float(row["temperature_K"]) for row in rows] == [at.temperature_K for at in diagram.known]
    assert all(float(row["heat_capacity_kB"]) >= 0 for row in rows)
    assert "nan" not in (tmp_path / "thermodynamics.csv").read_text()


def test_the_map_stands_in_its_table(diagram: PhaseDiagram) -> None:
    rows = list(diagram.map.rows())
    delta = np.array([np.nan if row[2] is None else row[2] for row in rows]).reshape(diagram.map.delta.shape)
    assert np.array_equal(delta, diagram.map.delta, equal_nan=True)
    assert np.array_equal([row[3] for row in rows], diagram.map.extrapolated.ravel())
    assert len(diagram.map.columns) == len(rows[0])


def test_the_last_states_are_those_whose_order_the_runs_end_with(diagram: PhaseDiagram) -> None:
    for at, atoms in zip(diagram.known, diagram.snapshots, strict=True):
        sro = WarrenCowley(SPECIES, shells=1, pairs="all")
        state = diagram.small.state(atoms)
        assert sro(state, diagram.small)[0] == pytest.approx(at.runs.order[0, -1])
        assert atoms.info["temperature_K"] == at.temperature_K


def test_quick_is_judged_by_what_was_reached(diagram: PhaseDiagram) -> None:
    assert 170.0 in diagram.about["equilibrium_not_reached_K"]["runs"]
    unknown = diagram.about["equilibrium_not_simulated_K"]
    assert diagram.about["quick_budget"] == bool(unknown)
    assert ("\n" in caption(diagram)) == bool(unknown)
    assert diagram.about["anneal"] == "20 million hops per vacancy"


def test_a_pair_has_one_colour_in_both_panels(diagram: PhaseDiagram) -> None:
    from matplotlib.colors import to_hex

    figure = draw_diagram(diagram).figure
    for ax in figure.axes[:2]:
        labelled = {line.get_label(): to_hex(line.get_color()) for line in ax.get_lines()}
        for pair, (color, _) in pair_styles(diagram.pairs).items():
            assert labelled[pair] == color.lower()
    assert "20 million" in figure.axes[1].get_title()


def test_contours_are_at_round_values(diagram: PhaseDiagram) -> None:
    figure = draw_map(diagram).figure
    labels = [float(text.get_text().replace("\N{MINUS SIGN}", "-")) for text in figure.axes[1].get_yticklabels()]
    steps = np.diff(labels)
    assert np.allclose(steps, steps[0])
    first = f"{steps[0]:.0e}"[0]
    assert first in "125" or np.isclose(steps[0] % 0.25, 0)


def test_one_copy_is_made_two_and_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", logger="asemacro"):
        found = diagram_of([1500.0, 2500.0], sites=128)
    assert found.about["copies"] == 2
    assert found.about["sites"] == 256
    assert "enlarged from 128 to 256 sites" in caplog.text
    assert np.isfinite([p.delta_err for p in found.points]).all()


def test_members_of_the_barriers_have_a_bar_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    model = on_both_sides(MODEL, [{"Mo-Ta": 0.005}, {}], {"Mo": 0.1})
    with caplog.at_level("INFO", logger="asemacro"):
        found = diagram_of([2500.0], model)
    (line,) = (text for text in caplog.messages if text.startswith("barrier model pair has 2 members (few): "))
    assert "order of each at 2500 K from the states of their mean, reweighted" in line
    assert "times are known within a factor of" in line
    assert "by more than 0.1 eV, beyond what its labels cover" in line
    for state in ("equilibrium", "annealed"):
        (point,) = found.curve("Mo-Ta", state)
        assert point.delta_err_barrier is not None
        # bonds 0.005 eV = 0.023 kT stronger or weaker: some 2 to 5 % of four neighbours; two members at +-a have 3.2 a
        assert 0.1 < point.delta_err_barrier < 1.0
        assert point.delta_low == pytest.approx(point.delta - point.delta_err, abs=1e-9)
    at = found.known[0]
    assert at.time_factor > 1.02
    (said,) = found.about["temperatures"]
    assert said["time_factor_of_barriers"] == at.time_factor
    assert 0 < said["uncertain_jumps_fraction"] < 1
    assert said["swaps"]["members_reweighted"]
    legend = [text.get_text() for text in draw_diagram(found).figure.legends[0].get_texts()]
    assert "one standard error,\nsampling and fit" in legend
    assert "with that of\nthe barriers" in legend
    assert "within a factor of" in draw_map(found).get_xlabel()
    json.dumps(found.about, allow_nan=False)


def test_one_member_tells_nothing_of_its_barriers(diagram: PhaseDiagram) -> None:
    assert {point.delta_err_barrier for point in diagram.points} == {None}
    assert what_members_say(diagram.about, diagram.known) == (
        "barrier model pair has one member: the uncertainty of its barriers is not known, no bar holds it"
    )
    legend = [text.get_text() for text in draw_diagram(diagram).figure.legends[0].get_texts()]
    assert "one standard error" in legend
    assert not any("barriers" in text for text in legend)


def test_numbers_as_people_write_them() -> None:
    values = (6e5, 2e7, 1.5e9, 2e217, 0.5, 4e-5, 1000, 999_999, 9.99996e12)
    words = ("600,000", "20 million", "1.5 x 10^9", "2 x 10^217", "0.5", "4 x 10^-5", "1,000", "1 million", "1 x 10^13")
    assert tuple(written(value) for value in values) == words
    assert as_math("2 x 10^217 s") == r"2 $\times$ 10$^{217}$ s"
    assert listed([400, 600.0, 800]) == "400, 600 and 800"
    assert listed([400.5]) == "400.5"
