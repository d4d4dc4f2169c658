"""Numbers at the edge: every verb refuses them in one line, with exit code 2, before it runs or writes anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from asemacro.barriers.compiled import CompiledBarriers
from asemacro.barriers.pair import PairBarrier
from asemacro.cli import app as cli
from asemacro.cli.numbers import Count, Number
from asemacro.data import Moments
from asemacro.lattice.lattice import Lattice
from asemacro.studies.alloy.inputs import check_temperatures, parse_temperatures
from asemacro.studies.alloy.mobility import LONGEST_HOP_S, check_mobile, hop_time_s
from asemacro.studies.learn.learned import learn_from_moments

STRUCTURES = Path(__file__).resolve().parents[2] / "structures"
ALLOY = [STRUCTURES / "NiCoCr.cif", "--barriers", STRUCTURES / "NiCoCr_pair.json"]
NEVER = ["nan", "inf", "-inf", "-1", "1e308", "1e400", "x", ""]
COUNTS = [*NEVER, "0", "0.5", "1e19"]
REALS = [*NEVER, "0"]
KELVIN = ["nan", "inf", "-5", "0", "1e-320", "0.5", "1e308", "x", "1", "20"]


class Verb(NamedTuple):
    """Words that make a good command, and what each option refuses."""

    words: list[object]
    bad: dict[str, list[str]]


VERBS = {
    "phase-diagram": Verb(
        ["phase-diagram", *ALLOY],
        {
            "--temperatures": ["1:3000:1e-9", "nan", "1", "900,20", "1e-320", "300:inf:1", "1:2", "900,1e308", ""],
            "--anneal": REALS,
            "--time": REALS,
            "--hops": [*COUNTS, "10"],
            "--seeds": COUNTS,
            "--vacancy-formation-energy": [*REALS, "90"],
            "--sites": [*COUNTS, "1e13", "1e10"],
            "--small": [*COUNTS, "1e13", "1e10"],
            "--vacancies": [*COUNTS, "1e7"],
            "--vacancy-concentration": [*REALS, "1", "2"],
            "--workers": COUNTS,
            "--seed": [*NEVER, "0.5", "1e19"],
            "-o": ["", " "],
        },
    ),
    "kmc": Verb(
        ["kmc", *ALLOY, "-T", "1000"],
        {
            "-T": KELVIN,
            "--hops": COUNTS,
            "--time": REALS,
            "--sites": [*COUNTS, "1e13", "1e10"],
            "--vacancies": [*COUNTS, "1e7"],
            "--vacancy-concentration": [*REALS, "1"],
            "--seed": [*NEVER, "0.5", "1e19"],
            "-o": [""],
        },
    ),
    "sample": Verb(
        ["sample", "ising"],
        {
            "-T": ["nan", "inf", "-5", "0", "1e-320", "1e308", "x", ""],
            "--field": ["nan", "inf", "1e308", "x", ""],
            "--until": REALS,
            "--runs": [*COUNTS, "1e9"],
            "--sites": [*COUNTS, "1e13"],
            "--start": ["nan", "5", "-1.5", "inf", "x"],
            "--seed": ["-1", "0.5"],
            "-o": [""],
        },
    ),
    "sample heisenberg": Verb(
        ["sample", "heisenberg"],
        {
            "-T": ["nan", "inf", "-5", "1e308", "x"],
            "--field": ["nan", "inf", "1e308"],
            "--exchange": ["nan", "inf", "", "x", "1,", "1;2", "1e308"],
            "--anisotropy": ["nan", "inf", "1e308", "x"],
            "--damping": ["nan", "inf", "-1", "1e308", "x"],
            "--sites": [*COUNTS, "101", "1e13"],
            "--start": ["nan", "5", "-1.5"],
        },
    ),
    "sample kac-ising": Verb(["sample", "kac-ising"], {"--range": [*REALS, "1e9"], "--kernel": ["", "x", "1"]}),
    "sample alloy": Verb(
        ["sample", *ALLOY, "-T", "1000"], {"-T": KELVIN, "--hops": COUNTS, "--until": REALS, "--sites": ["1e13", "0"]}
    ),
    "learn": Verb(
        ["learn", "ising"],
        {
            "-T": ["nan", "-5", "0", "1e-320", "1e308"],
            "--field": ["nan", "1e308"],
            "--starts": [*COUNTS, "5"],
            "--fraction": [*REALS, "1.5"],
            "--closure": ["-1", "0.5", "nan", "9", "\u00b2"],
            "--sites": [*COUNTS, "1e13"],
            "--small": [*COUNTS, "1e13"],
            "-o": [""],
        },
    ),
    "learn alloy": Verb(
        ["learn", "alloy", *ALLOY],
        {"-T": ["1", "900,20", "1e-320", "1:3000:1e-9"], "--hops": [*COUNTS, "10"], "--sites": ["1e13", "1e10"]},
    ),
    "learn kac-ising": Verb(
        ["learn", "kac-ising"],
        {
            "-T": ["nan", "-5", "0", "1,nan", "1,,2", "2,2", "1e308"],
            "--block": [*COUNTS, "3", "64", "1e5"],
            "--range": [*REALS, "0.5", "100", "1e5"],
            "--duration": REALS,
            "--field": ["nan", "1e308"],
            "--starts": COUNTS,
            "--sites": [*COUNTS, "1e13", "1e10"],
        },
    ),
    "simulate": Verb(
        ["simulate", "MODEL", "--start", "0", "--until", "1"],
        {
            "--start": ["", "x", "nan", "inf", "1e400", "5", "-1.5", "0,0"],
            "--until": REALS,
            "--trajectories": [*COUNTS, "1e9"],
            "--points": [*COUNTS, "1e9"],
            "--sites": [*COUNTS, "1e13"],
            "-T": KELVIN,
            "--seed": [*NEVER, "0.5", "1e19"],
            "-o": [""],
        },
    ),
    "simulate much": Verb(
        ["simulate", "MODEL", "--start", "0", "--until", "1", "--points", "1e6"], {"--trajectories": ["1e6"]}
    ),
    "sro": Verb(["sro", STRUCTURES / "MoTa_B2.cif"], {"--shells": [*COUNTS, "100000"]}),
    "sro scattering": Verb(
        ["sro", STRUCTURES / "MoTa_B2.cif", "--scattering", "xray", "-o", "x"],
        {"--extent": [*REALS, "51"], "--plane": ["", "hk", "hkl", "h,k,1/0", "h" * 5000]},
    ),
    "reproduce": Verb(["reproduce", "fig4"], {"--seed": [*NEVER, "0.5", "1e19"], "-o": [""]}),
    "train": Verb(
        ["barriers", "train", STRUCTURES / "NiCoCr.cif", "-o", "m.safetensors"], {"--seed": [*NEVER, "1e19"]}
    ),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learned model of a magnetisation."""
    rng = np.random.default_rng(0)
    z = rng.uniform(-0.9, 0.9, (100, 1))
    moments = Moments(z, -z, np.full((100, 1, 1), 0.1), np.array(1.0), np.zeros(0))
    learned = learn_from_moments(moments, ("M",), 64, bounds=np.array([[-1.0, 1.0]]), rng=rng)
    return learned.save(tmp_path_factory.mktemp("model"))[0].parent


@pytest.mark.parametrize(
    ("verb", "option"), [(name, option) for name, verb in VERBS.items() for option in verb.bad], ids="{}".format
)
def test_each_verb_refuses_numbers_in_one_line(
    verb: str,
    option: str,
    model: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    words, bad = VERBS[verb]
    for value in bad[option]:
        last = [f"{option}={value}"] if option.startswith("--") else [option, value]
        monkeypatch.setattr(
            sys, "argv", ["asemacro", *(str(model if word == "MODEL" else word) for word in words), *last]
        )
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        _, error = capsys.readouterr()
        assert stopped.value.code == 2, (value, error)
        lines = [line for line in error.splitlines() if line.startswith("asemacro: ")]
        assert len(lines) == 1, (value, error)
        assert "Traceback" not in error
        assert not [path for path in tmp_path.rglob("*") if path.is_file()], value


class Nan(PairBarrier):
    """A model of which the tables were damaged after they were checked."""

    def compile(self, lattice: Lattice) -> CompiledBarriers:
        """Tables of nan."""
        good = super().compile(lattice)
        return good._replace(double=np.full_like(good.double, np.nan))


def test_a_nan_barrier_ends_kmc_and_names_the_model(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    damaged = Nan(("Cr", "Co", "Ni"), dict.fromkeys(("Cr", "Co", "Ni"), 0.9), [{}], name="damaged")
    monkeypatch.setattr("asemacro.studies.alloy.kmc_command.choose_barriers", lambda barriers, species: damaged)
    code, _, error = run(capsys, monkeypatch, *KMC, "--hops", 10, "-o", tmp_path)
    assert code == 2
    assert "barrier model damaged" in error
    assert "not a number" in error
    assert error.count("\n") == 1


KMC = ("kmc", *ALLOY, "-T", 1000, "--sites", 108)


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["asemacro", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    out, error = capsys.readouterr()
    return int(stopped.value.code or 0), out, error


def test_a_kmc_run_without_a_hop_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, out, error = run(capsys, monkeypatch, *KMC, "--time", 1e-17, "-o", tmp_path)
    assert code == 0, error
    assert "no hop in 1e-17 s: the first one takes" in out
    assert "give a longer time or --hops" in out


def test_sample_names_its_own_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, _, error = run(
        capsys, monkeypatch, "sample", *ALLOY, "-T", 1000, "--hops", 10, "--until", 1, "-o", tmp_path / "s"
    )
    assert code == 2
    assert error == "asemacro: give either --hops or --until, not both\n"


def test_counts_and_numbers_are_read_as_people_write_them() -> None:
    count = Count(1, 10**12)
    assert [count(text) for text in ("1000", "1e5", "1_000", " 7 ", "2.0")] == [1000, 100_000, 1000, 7, 2]
    assert count("999999999999") == 999_999_999_999  # exact: no float in between
    assert Number(0, 1)("0.25") == 0.25
    assert Number(None, 1)("-1") == -1
    with pytest.raises(Exception, match=r"'0\.5' is not a whole number from 1 to 1e12"):
        count("0.5")


def test_temperatures_are_bounded() -> None:
    assert len(parse_temperatures("1:1000:1")) == 1000
    with pytest.raises(ValueError, match=r"more than 1000 temperatures, give a larger STEP"):
        parse_temperatures("1:3000:1e-9")
    with pytest.raises(ValueError, match=r"from 1 to 100,000 K, got 1e-320 K"):
        check_temperatures([900.0, 1e-320])


def test_where_nothing_moves_the_lowest_temperature_is_named() -> None:
    # 12 jumps of 1 eV at 1e13 Hz: a hop takes the age of the universe at 1 eV / (kB ln(1.2e14 * 4.35e17)) = 158.9 K
    lattice = Lattice.fcc(3.6, ("Ni", "Cr"), 3)
    model = PairBarrier(("Ni", "Cr"), {"Ni": 1.0, "Cr": 1.0}, [{}])
    x = lattice.random_state(vacancies=1, rng=np.random.default_rng(0))
    barriers = np.ones((1, 12))
    assert hop_time_s(barriers, 158.89) == pytest.approx(LONGEST_HOP_S, rel=0.01)
    assert hop_time_s(barriers, 1000.0) == pytest.approx(np.exp(1 / (8.617333e-5 * 1000)) / 1.2e14, rel=1e-4)
    assert hop_time_s(np.full((1, 12), np.inf), 1000.0) == np.inf
    check_mobile(model, lattice, x, [160.0, 900.0])
    with pytest.raises(ValueError, match=r"20, 100 K: nothing moves.*at least 159 K"):
        check_mobile(model, lattice, x, [20.0, 100.0, 900.0])
