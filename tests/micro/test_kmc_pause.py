"""A run of vacancies that was stopped goes on to the same result, to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asemacro.barriers import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.micro.alloy.kmc_pause import KMCPause
from asemacro.micro.alloy.kmc_run import KMCRun
from asemacro.micro.alloy.vacancy_kmc import VacancyKMC

SPECIES = ["Co", "Cr", "Ni"]
FCC = Lattice.fcc(3.6, SPECIES, 4)
MODEL = PairBarrier(SPECIES, {"Co": 1.0, "Cr": 0.9, "Ni": 1.1}, [{"Co-Cr": -0.05, "Cr-Ni": 0.03}])
POINTS: dict[str, dict[str, Any]] = {
    "hops": {"record_hops": np.array([0, 1, 40, 41, 200, 500])},
    "time": {"record_times_s": np.array([0.0, 1e-9, 2e-8, 2.5e-8, 6e-8])},
}


def start(vacancies: int) -> np.ndarray:
    counts = {"Co": 80, "Cr": 88, "Ni": 88 - vacancies, "X": vacancies}
    return FCC.random_state(counts, rng=np.random.default_rng(7))


def assert_equal(one: KMCRun, other: KMCRun) -> None:
    for name in ("x", "sites", "record", "record_times_s", "record_hops", "record_residence_s"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("time_s", "hops", "stopped", "clamped_fraction", "adjacent_fraction"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.parametrize("by", POINTS)
@pytest.mark.parametrize("vacancies", [1, 5])
def test_from_every_record_point_a_run_goes_on_as_if_never_stopped(by: str, vacancies: int, tmp_path: Path) -> None:
    x, pauses = start(vacancies), list[KMCPause]()
    rng = np.random.default_rng(3)
    whole = VacancyKMC(FCC, MODEL, 1200.0).run(x, **POINTS[by], keep=pauses.append, rng=rng)
    assert len(pauses) == len(whole.record) == len(next(iter(POINTS[by].values())))
    assert whole.hops > 100
    plain = VacancyKMC(FCC, MODEL, 1200.0).run(x, **POINTS[by], rng=np.random.default_rng(3))
    assert_equal(plain, whole)
    for pause in pauses:
        pause.write(tmp_path / "pause.npz")
        read, other = KMCPause.read(tmp_path / "pause.npz"), np.random.default_rng(99)
        again = VacancyKMC(FCC, MODEL, 1200.0).run(read, **POINTS[by], rng=other)
        assert_equal(again, whole)
        assert other.bit_generator.state == rng.bit_generator.state, "and the generator ends where it would have"
        assert again.wall_time_s >= pause.wall_time_s


def test_a_pause_is_not_changed_by_what_follows() -> None:
    pauses = list[KMCPause]()
    kmc, x = VacancyKMC(FCC, MODEL, 1200.0), start(2)
    kmc.run(x, record_hops=[10, 20], keep=pauses.append, rng=np.random.default_rng(0))
    assert [len(pause.record) for pause in pauses] == [1, 2]
    kept = pauses[0].x.copy()
    for _ in range(2):
        kmc.run(pauses[0], record_hops=[10, 20], rng=np.random.default_rng(0))
    np.testing.assert_array_equal(pauses[0].x, kept)
    np.testing.assert_array_equal(pauses[0].record[0], kept)
    assert len(pauses[0].record) == 1


def test_other_generators_keep_their_state_in_the_file(tmp_path: Path) -> None:
    pauses, x = list[KMCPause](), start(1)
    kmc = VacancyKMC(FCC, MODEL, 1200.0)
    whole = kmc.run(x, record_hops=[10, 60], keep=pauses.append, rng=np.random.Generator(np.random.Philox(1)))
    pauses[0].write(tmp_path / "pause.npz")
    read = KMCPause.read(tmp_path / "pause.npz")
    again = kmc.run(read, record_hops=[10, 60], rng=np.random.Generator(np.random.Philox(2)))
    assert_equal(again, whole)
    with pytest.raises(ValueError, match="drew its random numbers with Philox, not PCG64"):
        kmc.run(read, record_hops=[10, 60], rng=np.random.default_rng(0))


def test_what_does_not_belong_together_is_refused() -> None:
    pauses, x = list[KMCPause](), start(1)
    kmc = VacancyKMC(FCC, MODEL, 1200.0)
    kmc.run(x, record_hops=[10, 60], keep=pauses.append, rng=np.random.default_rng(0))
    for points in ({"record_hops": [10, 50]}, {"record_hops": [10]}, {"record_times_s": [1e-9, 2e-9]}):
        with pytest.raises(ValueError, match="has other record points"):
            kmc.run(pauses[1], **points, rng=np.random.default_rng(0))
    larger = Lattice.fcc(3.6, SPECIES, 5)
    with pytest.raises(ValueError, match="500"):
        VacancyKMC(larger, MODEL, 1200.0).run(pauses[0], record_hops=[10, 60], rng=np.random.default_rng(0))
