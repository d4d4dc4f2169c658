"""The study around the exact answers: what is conserved, what is said, files, and going on after a stop."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asemacro as am
from asemacro.studies.transport import study
from asemacro.studies.transport.arrhenius import arrhenius_fit
from asemacro.studies.transport.coefficients import plateau
from asemacro.studies.transport.components import components_of
from asemacro.studies.transport.walked import LAGS, products_of
from asemacro.tasks.checkpoint import Checkpoint

SPECIES = ["Co", "Ni"]
PAIR = am.PairBarrier(SPECIES, {"Co": 0.8, "Ni": 0.9}, [{"Co-Ni": -0.03}])
FCC = am.Lattice.fcc(3.6, SPECIES, 3)


def small(checkpoint: Checkpoint | None = None, **more: Any) -> Any:
    arguments = {
        "temperatures_K": [1000.0, 1300.0], "sites": 108, "vacancies": 2, "runs": 4, "hops": 3000, "settle_hops": 1000,
        "vacancy_formation_energy_eV": 1.5, "workers": 1, "checkpoint": checkpoint,
    }  # fmt: skip
    return am.diffusion(FCC, PAIR, **{**arguments, **more}, rng=np.random.default_rng(4))


def test_sum_rule_symmetry_and_sign_hold_in_every_run() -> None:
    found = small()
    for at in found.at:
        onsager = at.onsager.value[..., 0]
        np.testing.assert_allclose(onsager.sum(axis=1), 0, atol=1e-5 * onsager[0, 0])
        np.testing.assert_allclose(onsager, onsager.T, atol=1e-9 * onsager[0, 0])
        assert np.linalg.eigvalsh(onsager[1:, 1:])[0] > 0
        assert (np.diag(at.asymmetry) == 0).all()
        assert np.isfinite(at.asymmetry).all()
        assert ((at.factor.value > 0) & (at.factor.value < 1.3)).all()
    cold, hot = found.at
    assert (hot.tracer.value > cold.tracer.value).all()


def test_thermal_values_are_those_of_the_runs_times_the_ratio_of_concentrations() -> None:
    found = small()
    names = ["temperature_K", "what", "species", "component", "value", "err", "unit", "per_vacancy", "per_vacancy_err"]
    for row in found.rows():
        one = dict(zip([*names, "thermal"], row, strict=False))
        if one["what"] == "f":
            assert one["thermal"] is None
            continue
        over = 1.0 if one["species"] == "X" else 2 / 108
        ratio = 1.0 if one["species"] == "X" else np.exp(-1.5 / (8.617333e-5 * one["temperature_K"])) / (2 / 108)
        assert one["per_vacancy"] == pytest.approx(one["value"] / over)
        assert one["thermal"] == pytest.approx(one["value"] * ratio, rel=1e-5)
    plain, thermal = found.arrhenius(1), found.arrhenius(1, thermal=True)
    assert thermal.Q_eV == pytest.approx(plain.Q_eV + 1.5, abs=1e-6)
    assert thermal.D0_m2_s == pytest.approx(plain.D0_m2_s * 108 / 2, rel=1e-5)


def test_same_seed_same_result_with_more_workers_and_other_temperatures() -> None:
    one, other = small(), small(workers=2, temperatures_K=[1300.0])
    np.testing.assert_array_equal(one.at[1].tracer.value, other.at[0].tracer.value)
    np.testing.assert_array_equal(one.at[1].onsager.error, other.at[0].onsager.error)


def test_a_study_that_was_stopped_goes_on_to_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, real, calls = small(), study.walk, []

    def stopping(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(study, "walk", stopping)
    with pytest.raises(KeyboardInterrupt):
        small(Checkpoint(tmp_path))
    kept, before = len(list((tmp_path / ".checkpoint").glob("walk*.npz"))), len(calls)
    again = small(Checkpoint(tmp_path))
    assert 2 <= kept < 8
    assert len(calls) - before == 8 - kept
    for a, b in zip(whole.at, again.at, strict=True):
        np.testing.assert_array_equal(a.tracer.value, b.tracer.value)


def test_the_verb_writes_what_the_function_finds(command: Any, structures: Path, tmp_path: Path) -> None:
    words = [
        "diffusion",
        structures / "NiCoCr.cif",
        "--barriers",
        structures / "NiCoCr_pair.json",
        "-o",
        tmp_path / "d",
    ]
    size = ["-T", "1200,1500", "--runs", 4, "--hops", 1000, "--settle", 1000, "--sites", 32]
    code, out, err = command(*words, *size)
    assert code == 0, err
    assert "Arrhenius" not in out
    assert "Q = " in out
    record = json.loads((tmp_path / "d" / "run.json").read_text())
    assert record["verb"] == "diffusion"
    assert record["seed"] == 0
    assert set(record["files"]) == {"diffusion.csv", "onsager.csv", "arrhenius.csv", "diffusion.png"}
    with (tmp_path / "d" / "onsager.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 10
    code, _, err = command("kmc", structures / "NiCoCr.cif", "-T", 1000, "-o", tmp_path / "d")
    assert code == 2
    assert "asemacro diffusion" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-T", "abc"], "START:STOP:STEP"),
        (["-T", "50"], "nothing moves"),
        (["--vacancies", "400"], "do not fit"),
        (["--runs", "2"], "from 4"),
        (["--hops", "10"], "from 1000"),
        (["-T", "300", "--vacancy-formation-energy", "20"], "no sample has a thermal vacancy"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    command: Any, structures: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    given = ["--barriers", structures / "NiCoCr_pair.json", "--sites", 32, "-o", tmp_path / "d"]
    code, out, err = command("diffusion", structures / "NiCoCr.cif", *given, *words)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert not out
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("lattice", "names"),
    [
        (am.Lattice.bcc(3.2, "W", 2), [""]),
        (am.Lattice.diamond(5.4, "Si", 2), [""]),
        (am.Lattice.hcp(2.9, "Ti", (2, 2, 2)), ["normal to c", "along c"]),
        (am.Lattice.square(3.0, "Ni", 4), [""]),
        (am.Lattice.chain(3.0, "Ni", 9), [""]),
    ],
)
def test_components_are_those_that_the_symmetry_leaves(lattice: Any, names: list[str]) -> None:
    weights = components_of(lattice)
    assert list(weights) == names
    in_space = np.diag(np.array(lattice.pbc, dtype=float))
    for w in weights.values():
        assert (w * in_space).sum() == pytest.approx(1), "of a walk that is the same along all axes"


def test_a_strained_lattice_has_the_components_of_its_strain() -> None:
    import dataclasses

    cubic = am.Lattice.fcc(3.6, "Ni", 2)
    for strain, names in (
        (np.diag([1.02, 1, 1]), ["normal to a", "along a"]),
        (np.diag([1.02, 1, 0.97]), ["xx", "yy", "zz", "yz", "xz", "xy"]),
    ):
        cell = cubic.cell @ strain
        assert list(components_of(dataclasses.replace(cubic, cell=cell, conventional=cell))) == names


def test_products_of_known_steps() -> None:
    """Particles that all move evenly: every mean over a lag is the square of the lag."""
    n = 8 * LAGS[-1]
    speed = np.array([[2.0, 0, 0], [-1.0, 0, 0], [-1.0, 0, 0]])
    places = np.arange(n + 1)[:, None, None] * speed
    tracer, collective, successive = products_of(places, np.array([0, 1, 1], dtype=np.int8), 2)
    squares = np.array(LAGS, dtype=float) ** 2
    np.testing.assert_allclose(tracer[:, 0, 0, 0], 4 * squares)
    np.testing.assert_allclose(tracer[:, 1, 0, 0], squares)
    np.testing.assert_allclose(collective[:, 0, 1, 0, 0], -4 * squares / 3)
    np.testing.assert_allclose(successive[:, 1, 1], 4 * squares / 3)
    assert not tracer[..., 1:, :].any()


def test_plateau_is_found_where_short_lags_have_been_left() -> None:
    rng = np.random.default_rng(0)
    decaying = 1 + np.array([1.0, 0.5, 0.2, 0.0, 0.0, 0.0])[None, :, None]
    flat, late, never = [], [], []
    for _ in range(100):
        noise = 0.02 * rng.standard_normal((16, 6, 1))
        flat.append(plateau(1 + noise))
        late.append(plateau(decaying + noise))
        never.append(plateau(np.linspace(2, 1, 6)[None, :, None] + noise))
    assert set(never) == {(5, False)}
    for found, first in ((flat, 1), (late, 4)):
        assert min(found)[0] == first, "never before"
        assert np.mean([at == first for at, _ in found]) > 0.8
        assert all(straight for _, straight in found)


def test_arrhenius_law_is_found_again_with_its_errors() -> None:
    rng, kelvin = np.random.default_rng(1), np.array([1200.0, 1400, 1600, 1800, 2000])
    exact = 3e-6 * np.exp(-2.5 / (8.617333e-5 * kelvin))
    fits = []
    for _ in range(400):
        fit = arrhenius_fit(kelvin, exact * (1 + 0.03 * rng.standard_normal(5)), 0.03 * exact)
        assert fit is not None
        fits.append(((fit.Q_eV - 2.5) / fit.Q_err_eV, np.log(fit.D0_m2_s / 3e-6) / np.log(fit.D0_factor)))
    # enlarged where chi2 is above 1, so a little below 1
    np.testing.assert_allclose(np.std(fits, axis=0), 0.9, atol=0.15)
    assert arrhenius_fit([1000.0], [1e-12], [1e-14]) is None
    curved = arrhenius_fit(kelvin, exact * np.array([1.5, 1, 1, 1, 1.5]), 0.01 * exact)
    assert curved is not None
    assert curved.curved
