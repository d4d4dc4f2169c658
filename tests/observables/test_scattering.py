"""Diffuse scattering against pair counts, plain sums over atoms, ordered structures and enumerated alloys."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell

import asemacro as am
from asemacro.lattice.reciprocal_plane import read_plane
from asemacro.lattice.waves import box_edges, waves_at, waves_in
from asemacro.observables.form_factors import form_factors
from asemacro.observables.pair_waves import PairWaves
from asemacro.observables.scattering import ScatteringMean


def drawn(lattice: am.Lattice, vacancies: int = 0, seed: int = 0) -> Atoms:
    return lattice.to_atoms(lattice.random_state(vacancies=vacancies, rng=np.random.default_rng(seed)))


def oblique() -> Atoms:
    """A bcc box that is no multiple of a conventional cell."""
    atoms = make_supercell(bulk("Mo", "bcc", a=3.2), [[3, 1, 0], [0, 5, 0], [1, 0, 4]])
    atoms.symbols[:] = np.random.default_rng(5).permutation(["Nb"] * 20 + ["Mo"] * 25 + ["Ta"] * 15)
    return atoms


def all_waves(lattice: am.Lattice, zones: tuple[int, int, int]) -> Any:
    """Wave vectors of a box in so many zones of the conventional cell along each axis."""
    grid = [np.arange(z * n) / n for z, n in zip(zones, lattice.shape, strict=True)]
    return np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 3)


def zone_mean(values: Any) -> Any:
    """The mean over waves; at Bragg peaks of one-atom lattices it is 0, since the composition is fixed."""
    return np.nan_to_num(values).mean(axis=0)


# ---------------------------------------------------------------- the series of alpha


def test_it_is_the_series_of_warren_cowley_parameters_over_all_shells() -> None:
    """16 sites of bcc: R = 0, 8 of shell 1, 3 of shells 2 and 3 and one of shell 5 are all that the box holds."""
    atoms = drawn(am.Lattice.bcc(3.2, ["Nb", "Mo", "Ta"], 2))
    order = am.warren_cowley(atoms, 5)
    half, units = np.array(list(itertools.product((-1, 1), repeat=3))) / 2, np.eye(3)
    shells = {1: half, 2: units, 3: 1 - units, 5: np.ones((1, 3))}
    hkl = np.array([[0.5, 0, 0], [0.5, 0.5, 0], [1, 0, 0], [0.5, 0.5, 0.5], [1, 0.5, 0.5], [1.5, 1, 0]])
    found = am.diffuse_scattering(atoms, hkl)
    for k, wave in enumerate(hkl):
        for p, pair in enumerate(found.pairs):
            alpha = order.alpha[:, order.pairs.index(pair)]
            # the star of k averages the cosines of a shell
            star = np.array([s * np.array(c) for c in itertools.permutations(wave) for s in _signs()])
            terms = [alpha[s - 1] * len(r) * np.cos(2 * np.pi * star @ r.T).mean() for s, r in shells.items()]
            assert found.alpha[k, p] == pytest.approx(1 + sum(terms), abs=1e-10)


def _signs() -> Any:
    return np.array(list(itertools.product((-1, 1), repeat=3)))


@pytest.mark.parametrize("atoms", [drawn(am.Lattice.fcc(3.6, ["Cr", "Co", "Ni"], (2, 3, 2))), oblique()])
def test_it_is_the_series_of_pair_counts_over_all_vectors_of_the_box(atoms: Atoms) -> None:
    """alpha_ij(R) of every R of the box, counted pair by pair, in boxes of any form."""
    lattice = am.Lattice.from_atoms(atoms)
    found = am.diffuse_scattering(atoms, "hk0", symmetric=False)
    x = lattice.state(atoms)[0]
    places = lattice.positions() @ np.linalg.inv(lattice.conventional)
    wave = np.exp(-2j * np.pi * found.hkl @ places.T)
    for p, (i, j) in enumerate(itertools.combinations(range(len(lattice.species)), 2)):
        one, two = np.flatnonzero(x == i + 1), np.flatnonzero(x == j + 1)
        # sum_R (1 - n_ij(R) / (N c_i c_j)) exp(-ik.R): the first term is a Bragg peak, which is left out
        pairs = (wave[:, one].sum(axis=1).conj() * wave[:, two].sum(axis=1)).real
        series = -len(x) * pairs / (len(one) * len(two))
        sharp = np.isnan(found.alpha[:, p])
        assert 0 < sharp.sum() < len(sharp)
        assert found.alpha[~sharp, p] == pytest.approx(series[~sharp], abs=1e-10)


@pytest.mark.parametrize("radiation", ["xray", "neutron"])
def test_it_is_the_plain_sum_over_atoms_in_laue_units(radiation: str) -> None:
    atoms = oblique()
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    found = am.diffuse_scattering(atoms, "hhl", radiation=radiation, extent=3, symmetric=False)
    k = 2 * np.pi * found.hkl @ np.linalg.inv(found.lattice.conventional).T
    assert found.length == pytest.approx(np.linalg.norm(k, axis=1))
    species = found.lattice.species
    factors = form_factors(species, radiation, found.length)
    own = factors[:, [species.index(symbol) for symbol in atoms.symbols]]
    mean = own.mean(axis=1, keepdims=True)
    amplitude = ((own - mean) * np.exp(-1j * k @ atoms.positions.T)).sum(axis=1)
    intensity = np.abs(amplitude) ** 2 / len(atoms) / (own - mean).var(axis=1)
    diffuse = ~np.isnan(found.intensity)
    assert found.intensity[diffuse] == pytest.approx(intensity[diffuse], abs=1e-9)
    assert intensity[~diffuse] == pytest.approx(0, abs=1e-9)  # the composition is fixed
    assert found.part.sum(axis=1)[diffuse] == pytest.approx(found.intensity[diffuse])


# ---------------------------------------------------------------- what must add up


@pytest.mark.parametrize("vacancies", [0, 7])
@pytest.mark.parametrize(("name", "zones"), [("fcc", (2, 2, 2)), ("bcc", (2, 2, 2)), ("hcp", (3, 3, 2))])
def test_the_mean_over_a_zone_is_one(name: str, zones: tuple[int, int, int], vacancies: int) -> None:
    lattice = am.Lattice.from_prototype(name, 3.2, ["Nb", "Mo", "Ta"], (3, 2, 4))
    hkl = all_waves(lattice, zones)
    states = lattice.random_state(vacancies=vacancies, batch=3, rng=np.random.default_rng(1))
    if name != "hcp":  # of hcp the peaks of the mean crystal are not empty without them
        for symmetric in (False, True):
            mean = ScatteringMean(hkl, radiation="neutron", extent=1, symmetric=symmetric)
            for x in states:
                mean.add(lattice, x)
            found = mean.result()
            assert found is not None
            assert zone_mean(found.intensity) == pytest.approx(1, abs=1e-12)
            assert zone_mean(found.alpha) == pytest.approx(1, abs=1e-12)
    assert PairWaves(lattice, waves_at(lattice, hkl), symmetric=False)(states[0]).mean(axis=0) == pytest.approx(1)


def test_the_mean_of_all_arrangements_is_that_of_a_random_alloy_of_fixed_composition() -> None:
    """N / (N - 1) at every wave, enumerated: 56 arrangements of 3 atoms on 8 sites."""
    lattice = am.Lattice.cubic(3.0, ["Cu", "Au"], 2)
    mean = ScatteringMean("hk1/2", radiation="xray", extent=1, symmetric=False)
    for chosen in itertools.combinations(range(8), 3):
        x = np.ones(8, dtype=np.int8)
        x[list(chosen)] = 2
        mean.add(lattice, x)
    found = mean.result()
    assert found is not None
    assert found.states == 56
    assert found.intensity == pytest.approx(8 / 7, abs=1e-12)


def test_errors_cover_the_random_alloy() -> None:
    lattice = am.Lattice.bcc(3.2, ["Nb", "Mo", "Ta"], 4)
    mean = ScatteringMean("hk0", radiation="xray", extent=1, symmetric=False)
    for x in lattice.random_state(vacancies=0, batch=300, rng=np.random.default_rng(2)):
        mean.add(lattice, x)
    found = mean.result()
    assert found is not None
    n = lattice.n_sites
    away = (found.intensity - n / (n - 1)) / found.error
    away = away[np.isfinite(away)]
    assert len(away) == 23  # waves 0 to 1 in quarters, without (0, 0, 0) and (1, 1, 0)
    assert np.abs(away).max() < 5.5  # a normal number is so far off once in 26 million
    assert 0.3 < np.sqrt((away**2).mean()) < 2.0
    assert found.error[np.isfinite(found.error)].max() < 0.2


# ---------------------------------------------------------------- ordered structures


def ordered(name: str, lattice: am.Lattice) -> Any:
    places = np.rint(4 * lattice.positions() @ np.linalg.inv(lattice.conventional)).astype(int) % 4
    if name == "B2":
        return np.where(places[:, 0] == 0, 1, 2).astype(np.int8)
    if name == "L1_2":
        return np.where((places == 0).all(axis=1), 1, 2).astype(np.int8)
    return np.where(places[:, 2] == 0, 1, 2).astype(np.int8)  # L1_0


@pytest.mark.parametrize(
    ("name", "peaks", "height"),
    [("B2", [(1, 0), (0, 1), (2, 1), (1, 2)], 1.0),
     ("L1_2", [(1, 0), (0, 1), (2, 1), (1, 2), (1, 1)], 1 / 3),
     ("L1_0", [(1, 1)], 1.0)],
)  # fmt: skip
def test_an_ordered_structure_has_peaks_of_known_height(name: str, peaks: list[tuple[int, int]], height: float) -> None:
    lattice = am.Lattice.from_prototype("bcc" if name == "B2" else "fcc", 3.2, ["Ni", "Al"], (3, 4, 5))
    atoms = lattice.to_atoms(ordered(name, lattice)[None])
    found = am.diffuse_scattering(atoms, "hk0", radiation="neutron", symmetric=False)
    at_peak = np.array([tuple(row) in [(float(h), float(k), 0.0) for h, k in peaks] for row in found.hkl.tolist()])
    assert at_peak.sum() == len(peaks)
    assert found.intensity[at_peak] == pytest.approx(height * len(atoms), rel=1e-12)
    rest = found.intensity[~at_peak]
    assert rest[np.isfinite(rest)] == pytest.approx(0, abs=1e-9)
    if name == "L1_0":  # the mean of the three variants
        found = am.diffuse_scattering(atoms, [[1, 1, 0], [1, 0, 0], [0, 0, 1], [1, 0, 1]])
        assert found.intensity == pytest.approx(len(atoms) / 3, rel=1e-12)


def test_strain_rotation_and_rattling_change_nothing_of_the_order() -> None:
    atoms = drawn(am.Lattice.fcc(3.6, ["Cu", "Au"], (3, 3, 4)), vacancies=2)
    del atoms[[k for k, symbol in enumerate(atoms.symbols) if symbol == "X"]]
    before = am.diffuse_scattering(atoms, "hkh", radiation="neutron")
    atoms.set_cell(atoms.cell @ np.diag([1, 1.02, 0.99]), scale_atoms=True)
    atoms.rattle(0.05, seed=1)
    atoms.positions += 0.7
    atoms.rotate(30, (1, 1, 0), rotate_cell=True)
    after = am.diffuse_scattering(atoms, "hkh", radiation="neutron")
    assert np.allclose(before.hkl, after.hkl)
    assert np.allclose(before.intensity, after.intensity, equal_nan=True)


def test_symmetry_averages_the_waves_that_fit_the_box() -> None:
    atoms = drawn(am.Lattice.bcc(3.2, ["Mo", "Ta"], (4, 4, 2)))
    each = am.diffuse_scattering(atoms, all_waves(am.Lattice.from_atoms(atoms), (1, 1, 1)), symmetric=False)
    value = {tuple(np.round(h, 3)): v for h, v in zip(each.hkl.tolist(), each.intensity, strict=True)}
    found = am.diffuse_scattering(atoms, [[0.25, 0.5, 0], [0.25, 0, 0], [0.5, 0, 0]])
    # steps of 1/2 along the third axis; k and -k are one wave
    arms: list[list[tuple[float, ...]]]
    arms = [[(0.25, 0.5, 0), (0.5, 0.25, 0), (0.25, 0, 0.5), (0, 0.25, 0.5)], [(0.25, 0, 0), (0, 0.25, 0)],
            [(0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)]]  # fmt: skip
    assert found.intensity[1:] == pytest.approx([np.mean([value[a] for a in own]) for own in arms[1:]])
    flipped = am.diffuse_scattering(atoms, [(h * s, k * t, m * u) for h, k, m in arms[0] for s, t, u in _signs()],
                                    symmetric=False)  # fmt: skip
    assert found.intensity[0] == pytest.approx(flipped.intensity.mean())
    assert found.arms.tolist() == [16, 16, 24]


# ---------------------------------------------------------------- form factors


def test_form_factors_are_those_of_the_tables() -> None:
    waasmaier = pytest.importorskip("ase.utils.xrdebye").waasmaier
    length = np.linspace(0, 8, 9)
    species = ("O", "P", "Ni", "Au")
    found = form_factors(species, "xray", length)
    assert found[0] == pytest.approx([8, 15, 28, 79])
    for n, symbol in enumerate(species):  # an independent fit to the same functions
        *terms, constant = waasmaier[symbol]
        a, b = np.array(terms).reshape(5, 2).T
        other = (a * np.exp(-b * (length[:, None] / (4 * np.pi)) ** 2)).sum(axis=1) + constant
        assert found[:, n] == pytest.approx(other, rel=0.03)
    assert form_factors(("Ti", "Ni"), "neutron", length)[5] == pytest.approx([-3.438, 10.3])
    with pytest.raises(ValueError, match="no scattering length of neutrons for Po"):
        form_factors(("Ni", "Po"), "neutron", length)


# ---------------------------------------------------------------- planes, and what cannot be asked


def test_a_plane_holds_all_waves_of_the_box_that_lie_in_it() -> None:
    for lattice in (am.Lattice.bcc(3.2, ["Mo", "Ta"], (3, 4, 6)), am.Lattice.hcp(3.0, ["Mo", "Ta"], (3, 3, 2)),
                    am.Lattice.from_atoms(oblique())):  # fmt: skip
        edges = box_edges(lattice)
        for words, normal, height, letters in (
            ("hk0", (0, 0, 1), 0.0, (0, 1)), ("h k 1/2", (0, 0, 1), 0.5, (0, 1)), ("hhl", (1, -1, 0), 0.0, (0, 2)),
            ("h,k,-h-k", (1, 1, 1), 0.0, (0, 1)), ("0.5kl", (1, 0, 0), 0.5, (1, 2)),
            ("h,2h,l", (2, -1, 0), 0.0, (0, 2)),
        ):  # fmt: skip
            far = np.ceil(np.abs(edges).sum(axis=1) * 4).astype(int)
            steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in far), indexing="ij"), -1).reshape(-1, 3)
            hkl = steps @ np.linalg.inv(edges).T
            own = hkl[:, letters]
            inside = (np.abs(hkl @ normal - height) < 1e-6) & ((own > -1e-6) & (own < 2 + 1e-6)).all(axis=1)
            if not inside.any():
                with pytest.raises(ValueError, match="no wave that fits"):
                    waves_in(lattice, read_plane(words), 2.0)
                continue
            want = hkl[inside][np.lexsort(np.round(own[inside], 6).T[::-1])]
            assert waves_in(lattice, read_plane(words), 2.0).hkl == pytest.approx(want, abs=1e-9)


@pytest.mark.parametrize(
    ("plane", "said"),
    [("hkl", "all of space"), ("h00", "a line"), ("h,2h,0", "a line"), ("111", "a point"), ("hk", "not understood"),
     ("hkx", "not understood"), ("", "not understood"), ("h,k,1/0", "not understood"), ("h,k,3000", "beyond"),
     ("h,k,hk", "not understood"), ("h+k,h+k,0", "a line"), ("hk1/7", "no wave that fits")],
)  # fmt: skip
def test_what_is_no_plane_is_refused(plane: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        am.diffuse_scattering(drawn(am.Lattice.bcc(3.2, ["Mo", "Ta"], 2)), plane)


def test_what_has_no_diffuse_scattering_is_refused() -> None:
    atoms = drawn(am.Lattice.bcc(3.2, ["Mo", "Ta"], 3))
    for structures, words, said in (
        (bulk("Mo", "bcc", a=3.2, cubic=True).repeat(2), {}, "holds Mo only"),
        ([atoms, drawn(am.Lattice.bcc(3.2, ["Mo", "Ta"], 2))], {}, "another box"),
        ([atoms, drawn(am.Lattice.bcc(3.2, ["Mo", "Ta"], 3, composition={"Mo": 0.3, "Ta": 0.7}))], {}, "composition"),
        (drawn(am.Lattice.fcc(3.2, ["Mo", "Ta"], 1)), {"hkl": "h,h,l", "extent": 0.5}, "only Bragg peaks"),
        (atoms, {"hkl": [[0.1, 0, 0]]}, "does not fit"),
        (atoms, {"radiation": "electrons"}, "xray or neutron"),
        (drawn(am.Lattice.square(3.2, ["Mo", "Ta"], 4)), {"hkl": "hhl"}, "axis of vacuum"),
        (Atoms("MoTaMo", positions=20 * np.eye(3) / 3, cell=[20] * 3, pbc=True), {}, "a crystal"),
        (am.read_structure("structures/NbMoTa.cif"), {}, "fractional occupancy"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said) as error:
            am.diffuse_scattering(structures, **words)
        assert "\n" not in str(error.value)
