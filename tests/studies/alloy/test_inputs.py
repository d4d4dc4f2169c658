"""What users hand in: temperatures, boxes, structure files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import asemacro as am
from asemacro.barriers import PairBarrier
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.reading.structure_file import read_structure
from asemacro.studies.alloy.alloy import Alloy
from asemacro.studies.alloy.inputs import (
    check_temperatures,
    choose_barriers,
    choose_boxes,
    parse_temperatures,
    vacancies_in,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("400:1000:200", [400, 600, 800, 1000]),
        ("400:999:200", [400, 600, 800]),
        ("1200,800,800", [800, 1200]),
        ("300:300:50", [300]),
        ("1.1:1.3:0.1", pytest.approx([1.1, 1.2, 1.3])),
    ],
)
def test_temperatures(text: str, expected: list[float]) -> None:
    assert parse_temperatures(text) == expected


@pytest.mark.parametrize("text", ["", "abc", "400:200:100", "400:800", "400:800:0", "400:800:-1", "nan", "-5", "0,300"])
def test_bad_temperatures_are_one_line(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_temperatures(text)
    assert "\n" not in str(caught.value)


def test_no_temperature() -> None:
    with pytest.raises(ValueError, match="no temperature"):
        check_temperatures([])


@pytest.mark.parametrize(
    ("lattice", "name"),
    [
        (Lattice.bcc(3.2, ["Nb", "Mo"], 1), "refractory"),
        (Lattice.bcc(3.2, ["Mo", "W"], 1), "refractory"),
        (Lattice.fcc(3.56, ["Ni", "Co", "Cr"], 1), "cocrfeni"),
        (Lattice.fcc(3.56, ["Fe", "Ni"], 1), "cocrfeni"),
    ],
)
def test_the_default_model_is_for_lattice_and_species_and_has_an_energy(lattice: Lattice, name: str) -> None:
    model = choose_barriers(None, lattice)
    assert model.name == name
    assert model.has_energy


@pytest.mark.parametrize(
    "lattice",
    [Lattice.fcc(3.2, ["Nb", "Mo"], 1), Lattice.bcc(2.87, ["Fe", "Cr"], 1), Lattice.fcc(3.7, ["Cu", "Au"], 1)],
)
def test_no_model_for_these(lattice: Lattice) -> None:
    with pytest.raises(ValueError, match=r"no barrier model for .*cocrfeni: .* on fcc.*barriers learn"):
        choose_barriers(None, lattice)


def pair_model(*species: str) -> PairBarrier:
    """Barriers of 1 eV, without interactions."""
    return PairBarrier(species, dict.fromkeys(species, 1.0), [{}])


def test_boxes_are_exactly_proportional() -> None:
    lattice = Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], 1)
    boxes = choose_boxes(lattice, pair_model("Nb", "Mo", "Ta"), 8192, 1024, None, None)
    assert (boxes.small.n_sites, boxes.large.n_sites, boxes.copies) == (1024, 8192, 8)
    assert boxes.counts["X"] == 1
    assert sum(boxes.counts.values()) == 1024
    assert boxes.large_counts == {symbol: 8 * n for symbol, n in boxes.counts.items()}
    # the small box tiles the large one
    x = boxes.small.random_state(boxes.counts, rng=np.random.default_rng(0))
    assert (boxes.small.tile(x, boxes.large) == 0).sum() == 8


def test_vacancies_of_the_large_box() -> None:
    lattice = Lattice.bcc(3.24, ["Nb", "Mo"], 1)
    assert choose_boxes(lattice, pair_model("Nb", "Mo"), 8192, 1024, 32, None).vacancies == 32
    assert choose_boxes(lattice, pair_model("Nb", "Mo"), 8192, 1024, 3, None).vacancies == 8  # at least one a small box
    assert choose_boxes(lattice, pair_model("Nb", "Mo"), 8192, 1024, None, 0.01).counts["X"] == 10
    with pytest.raises(ValueError, match="do not fit"):
        choose_boxes(lattice, pair_model("Nb", "Mo"), 8192, 1024, 9000, None)


@pytest.mark.parametrize(
    ("number", "concentration"), [(-1, None), (0, None), (None, 0.0), (None, 1.0), (None, float("nan"))]
)
def test_bad_vacancies(number: int | None, concentration: float | None) -> None:
    with pytest.raises(ValueError):
        vacancies_in(1024, number, concentration)


def test_both_kinds_of_vacancy_numbers() -> None:
    with pytest.raises(ValueError, match="not both"):
        vacancies_in(1024, 1, 0.1)


def test_structure_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        read_structure(tmp_path / "absent.cif")
    with pytest.raises(ValueError, match="folder"):
        read_structure(tmp_path)
    for name, text in (("a.cif", "not a cif"), ("POSCAR", "nothing\n"), ("b.xyz", ""), ("c.unknown", "x")):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ValueError) as caught:
            read_structure(path)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)


@pytest.mark.parametrize(("sites", "small"), [(2000, 250), (1024, 432), (2000, 128), (100, 1)])
def test_the_predicted_box_holds_two_simulated_ones(structures: Path, sites: int, small: int) -> None:
    """Also of a supercell that few boxes tile, repeated because neighbours of the network would coincide in it."""
    atoms = am.read_structure(structures / "NbMoTa_128.POSCAR")
    boxes = Alloy.of(atoms, None, sites=sites, small=small, vacancies=4).boxes
    assert boxes.copies >= 2
    assert boxes.large.n_sites == boxes.copies * boxes.small.n_sites
    assert boxes.small.n_sites >= small
    assert boxes.vacancies == boxes.copies * boxes.counts["X"]
