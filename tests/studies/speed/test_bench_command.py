"""`asemacro bench`: what it prints, what it writes, what it refuses; and that the rates are rates of what they say."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asemacro.lattice.lattice import Lattice
from asemacro.lattice.spins import random_spins
from asemacro.micro.spins.ising import Ising
from asemacro.micro.spins.kac import KacIsing
from asemacro.micro.spins.kac_coupling import top_hat
from asemacro.studies.speed import benchmark
from asemacro.studies.speed.alloy_cases import kmc_case
from asemacro.studies.speed.alloys import alloy
from asemacro.studies.speed.cases import KERNELS, LARGE, MODELS, cases_of, kernels_of
from asemacro.studies.speed.command import tell
from asemacro.studies.speed.speeds import Speed, Speeds
from asemacro.studies.speed.spin_cases import glauber_case, square
from asemacro.studies.speed.timing import Run, held_by, joined, peak_of, timed, together_per_second
from tests.barriers.test_barriers_pair_nnk import WEIGHTS, needs_weights


def test_bench_prints_a_row_for_each_kernel_and_writes_it(command: Any, tmp_path: Path) -> None:
    code, out, err = command("bench", "--quick", "--only", "order,ising,swap", "-o", tmp_path / "speed")
    assert code == 0
    assert err.endswith(f"wrote bench.csv, run.json to {tmp_path / 'speed'}\n")
    lines = out.splitlines()
    assert lines[0].startswith("asemacro ")
    assert "numba" in lines[1]
    assert lines[2].split()[:3] == ["kernel", "system", "sites"]
    with (tmp_path / "speed" / "bench.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["kernel"] for row in rows} == {"order", "ising", "swap"}
    assert sum(line.startswith(("order", "ising", "swap")) for line in lines) == len(rows)
    record = json.loads((tmp_path / "speed" / "run.json").read_text())
    assert record["verb"] == "bench"
    assert {"processor", "cores", "date", "python", "numba", "torch"} <= set(record["machine"])
    for row in rows:
        assert float(row["per_second"]) == pytest.approx(1e9 / float(row["ns_each"]))
        if row["cores"] == "1":
            assert float(row["per_second"]) == pytest.approx(float(row["events"]) / float(row["processor_s"]), rel=1e-6)
            assert float(row["bytes_per_site"]) >= 2  # the start and a copy, or the start and what is made of it
        else:
            assert (row["cores"], row["over_plain"]) == ("2", "")
            assert float(row["over_one_core"]) > 0
        if row["over_plain"]:
            assert float(row["over_plain"]) == pytest.approx(float(row["per_second"]) / float(row["plain_per_second"]))
    assert any(row["over_plain"] for row in rows)


@pytest.mark.parametrize("written", [False, True])
def test_bench_prints_json(command: Any, written: bool, tmp_path: Path) -> None:
    where = ("-o", tmp_path) if written else ()
    code, out, _ = command("bench", "--quick", "--only", "kmc-sizes", "--json", "-q", *where)
    found = json.loads(out)
    assert code == 0
    assert [row["sites"] for row in found["rows"]] == [1024, 8192, 65_536]
    assert all(row["cache_hit_rate"] < 0.01 for row in found["rows"]), "the cache is off"
    assert all(row["counted"] == "hops" and row["per_second"] > 1000 for row in found["rows"])
    assert found["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--only", "kmc,isin"), "--only must be one of kmc, kmc-sizes"),
        (("--quick", "--large"), "give either --quick or --large"),
        (("--barriers", "nbmot"), "no barrier model is called 'nbmot'"),
        (("--barriers", "absent.npz"), "no such file"),
        (("-o", ""), "an empty name"),
    ],
)
def test_bad_input_gives_one_line(command: Any, words: tuple[str, ...], message: str) -> None:
    code, out, err = command("bench", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_help_fits_one_screen(command: Any) -> None:
    code, out, _ = command("bench", "--help")
    assert code == 0
    assert len(out.splitlines()) <= 24


def test_a_folder_of_another_command_is_not_overwritten(command: Any, tmp_path: Path) -> None:
    (tmp_path / "order.csv").write_text("1")
    code, _, err = command("bench", "--quick", "--only", "order", "-o", tmp_path)
    assert code == 2
    assert "another kind of run" in err


def test_kernels_have_cases_small_and_large() -> None:
    assert kernels_of(None) == KERNELS
    assert kernels_of("sde, kmc") == ("kmc", "sde")
    quick, default, large = (
        cases_of(KERNELS, quick=q, large=lg) for q, lg in ((True, False), (False, False), (False, True))
    )
    for cases in (quick, default, large):
        assert {case.kernel for case in cases} == set(KERNELS)
        assert len({case.label for case in cases}) == len(cases)
    assert {case.sites for case in large} - {case.sites for case in default} == {
        case.sites for case in large if case.sites and case.sites >= LARGE
    }
    sizes = [case for case in default if case.kernel == "kmc-sizes"]
    assert {case.carriers for case in sizes} == {1}
    assert [round(np.log10(case.sites or 1)) for case in sizes] == [3, 4, 5, 6, 7]


def test_models_of_other_lattices_and_species(tmp_path: Path) -> None:
    """Three species that the model knows, on its lattice; pair energies of a file as they are."""
    assert alloy("refractory").unit.species == ("Nb", "Mo", "Ta")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"species": ["Cu"], "migration_eV": {"Cu": 0.7}, "pair_eV": [{"Cu-X": -0.02}]}))
    mine = alloy(path)
    assert (mine.unit.prototype, mine.unit.species) == ("bcc", ("Cu",))
    row = kmc_case(mine, 100, 1, 900, 50, plain_hops=5).prepare(1.0)
    assert row.run(0).events == 50
    assert row.plain is not None
    assert row.plain().events == 5
    assert len([case for case in cases_of(["kmc"], path) if "mine" in case.system]) == 4
    assert len(cases_of(["kmc"], "nbmota")) == 4 * len(MODELS), "no model twice"


@needs_weights
def test_the_published_network_has_a_row() -> None:
    case = kmc_case(alloy(WEIGHTS), 1024, 1, 2000, 200, plain_hops=5)
    ready = case.prepare(1.0)
    assert "published" in case.label
    assert ready.plain is not None
    assert ready.plain().per_second < ready.run(0).per_second


def test_what_is_timed_is_timed() -> None:
    """Sleeping takes time of the wall and none of the processor; counting takes both."""
    asleep = timed(lambda: time.sleep(0.05), 10)
    assert asleep.wall_s >= 0.05
    assert asleep.processor_s < 0.04
    assert together_per_second([asleep]) <= 200
    busy = timed(lambda: sum(range(2_000_000)), 10)
    assert 0 < busy.processor_s <= busy.wall_s + 0.01


def test_runs_side_by_side_count_from_the_first_beginning_to_the_last_end() -> None:
    one, late = Run(10, 1.0, 2.0, None, 5.0, 7.0), Run(30, 1.0, 2.0, None, 6.0, 9.0)
    assert together_per_second([one]) == 5
    assert together_per_second([late, one]) == 10
    assert joined([one, late]) == (40, 2.0, 4.0, None, 5.0, 9.0)


def test_what_is_held_is_counted() -> None:
    """An array of a million bytes is kept in the midst of the run, another of three million comes and goes."""

    def run(look: Any) -> None:
        kept = np.ones(1_000_000, dtype=np.int8)
        np.ones(3_000_000, dtype=np.int8)
        look(kept)

    assert held_by(run, 500).size_bytes == pytest.approx(1_000_500, rel=0.01)
    assert peak_of(lambda: run(lambda kept: 0.0), 500).size_bytes == pytest.approx(4_000_500, rel=0.01)
    assert (held_by(run, 0).when, peak_of(lambda: None, 0).when) == ("held", "peak")


def test_runs_are_the_same_whenever_they_are_made() -> None:
    """The same random numbers: the same hits; the start is burnt in and holds the vacancies that it should."""
    case = kmc_case(alloy("pair"), 1024, 8, 800, 500)
    one, two = case.prepare(1.0), case.prepare(1.0)
    assert one.run(3).hits == two.run(3).hits == one.run(3).hits
    assert one.run(3).hits != one.run(4).hits
    assert (case.sites, case.carriers) == (Lattice.bcc(3.24, ("Nb", "Mo", "Ta"), 8).n_sites, 8)


def test_a_busy_machine_and_one_core_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    row = Speed("ising", "square", 4096, None, 2.27, "J", 1, "flips", 1e6, 1000.0, processor_s=1.0, wall_s=1.5)
    machine = dict.fromkeys(("asemacro", "date", "processor", "python", "numpy", "numba", "torch", "scipy"), "x")
    tell(Speeds({**machine, "cores": 1}, [row]), as_json=False)
    out = capsys.readouterr().out
    assert "the machine was busy: runs took 1.50 times their processor time" in out
    assert "one core: nothing was measured on two" in out
    tell(Speeds({**machine, "cores": 2}, [Speed(**{**vars(row), "wall_s": 1.0})]), as_json=False)
    out = capsys.readouterr().out
    assert "busy" not in out
    assert "nothing was measured on two" not in out


def test_the_function_reports_and_gives_the_rows() -> None:
    seen: list[tuple[str, float, str]] = []
    found = benchmark("order", quick=True, progress=lambda *words: seen.append(words))
    assert [row.kernel for row in found.rows] == ["order"]
    assert seen[-1][1] == 1.0
    assert found.table()[0][found.columns.index("sites")] == 65_536


def test_flips_of_spins_are_as_many_as_a_kernel_that_counts_them_finds() -> None:
    """Nearest neighbours are the top hat of range 1, whose kernel counts its flips; at T = 3 spins forget quickly."""
    side, attempts = 32, 2e6
    estimated = glauber_case(Ising(square(side), 3.0), "warm", attempts).prepare(1.0).run(1)
    system, rng = KacIsing(square(side), top_hat(1, total=4.0), 3.0), np.random.default_rng(2)
    x, _ = system.evolve(random_spins(square(side), rng=rng), 50.0, rng=rng)
    _, flips = system.evolve_counting(x, attempts / side**2, side, rng=rng)
    assert estimated.events == pytest.approx(flips.sum(), rel=0.02)
    assert 0.1 < estimated.events / attempts < 0.4
    assert estimated.wall_s <= estimated.ended - estimated.began
