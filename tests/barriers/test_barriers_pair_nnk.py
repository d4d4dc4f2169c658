"""PairBarrier and the published network: exact references, files, and what a wrong file says."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asemacro.barriers import load_barriers
from asemacro.barriers.kernels import barriers_at
from asemacro.barriers.pair import PairBarrier
from asemacro.barriers.published import PublishedNetwork
from asemacro.lattice.lattice import Lattice
from asemacro.studies.speed.plain_barriers import published_barriers
from asemacro.tasks.stale_kernels import forget_stale_kernels

WEIGHTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "nnk_nbmota_weights.npz"
needs_weights = pytest.mark.skipif(not WEIGHTS.is_file(), reason="the published weights are not in ../shared/data")

CONTENT: dict[str, Any] = {
    "species": ["Nb", "Mo", "Ta"],
    "migration_eV": {"Nb": 0.6, "Mo": 0.7, "Ta": 0.65},
    "pair_eV": [{"Nb-Mo": -0.05, "Ta-Mo": -0.1, "X-X": -0.2}, {"Nb-Nb": 0.02, "Ta-X": 0.03}],
}


def pair_model() -> PairBarrier:
    return PairBarrier(CONTENT["species"], CONTENT["migration_eV"], CONTENT["pair_eV"])


# ---------------------------------------------------------------- pair energies


@pytest.mark.parametrize(
    "lattice",
    [
        pytest.param(Lattice.bcc(3.24, ["Mo", "Nb", "Ta"], (2, 3, 2)), id="bcc"),
        pytest.param(Lattice.bcc(3.24, ["Mo", "Nb", "Ta"], (1, 1, 2)), id="bcc-two-cells"),
        pytest.param(Lattice.fcc(3.6, ["Nb", "Ta"], (2, 1, 3)), id="fcc"),
        pytest.param(Lattice.hcp(3.0, ["Nb", "Ta"], 2), id="hcp"),
        pytest.param(Lattice.diamond(5.4, ["Nb", "Ta"], 2), id="diamond"),
        pytest.param(Lattice.honeycomb(2.4, ["Nb", "Ta"], 3), id="honeycomb"),
        pytest.param(Lattice.square(3.0, ["Nb", "Mo"], 3), id="square"),
    ],
)
def test_pair_barriers_are_saddle_plus_half_the_energy_change(lattice: Lattice) -> None:
    """Every jump of every vacancy, against the energies of the whole cell before and after."""
    model = pair_model()
    rng = np.random.default_rng(0)
    x = lattice.random_state(vacancies=min(4, lattice.n_sites // 2), rng=rng)
    sites = np.flatnonzero(x[0] == 0)
    barriers = model.barriers(lattice, x[0], sites)
    neighbours = lattice.neighbours(lattice.shells(1)[0].offsets)
    checked = 0
    for v, j in itertools.product(range(len(sites)), range(barriers.shape[1])):
        target = neighbours[sites[v], j]
        if x[0, target] == 0:
            assert barriers[v, j] == np.inf
            continue
        after = x.copy()
        after[0, [sites[v], target]] = after[0, [target, sites[v]]]
        change = (model.energy(lattice, after) - model.energy(lattice, x))[0]
        saddle = model.migration_eV[lattice.species[x[0, target] - 1]]
        assert barriers[v, j] == pytest.approx(max(saddle, abs(change) / 2 + 0.01) + change / 2, abs=1e-12)
        checked += 1
    assert checked > 0


def test_pair_energy_of_known_crystals() -> None:
    """B2: all first-shell bonds are unlike, all second-shell bonds alike; counted once each."""
    model = PairBarrier(["Nb", "Mo"], {"Nb": 1.0, "Mo": 1.0}, [{"Mo-Nb": -0.1}, {"Nb-Nb": 0.01, "Mo-Mo": 0.03}])
    lattice = Lattice.bcc(3.2, ["Nb", "Mo"], 3)
    b2 = np.tile([1, 2], 27).astype(np.int8)[None]
    assert model.energy(lattice, b2)[0] == pytest.approx(27 * 8 * -0.1 + 27 * 3 * 0.01 + 27 * 3 * 0.03)


def test_pair_model_from_json(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(CONTENT))
    model = load_barriers(path)
    lattice = Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], 3)
    x = lattice.random_state(vacancies=3, rng=np.random.default_rng(1))[0]
    sites = np.flatnonzero(x == 0)
    assert model.name == "mine"
    assert np.array_equal(model.barriers(lattice, x, sites), pair_model().barriers(lattice, x, sites))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"species": []}, "at least one"),
        ({"species": "NbMo"}, "species must be a JSON array"),
        ({"species": ["Nb", "Nb", "Mo"]}, "different symbols"),
        ({"migration_eV": {"Nb": 0.6}}, "one energy for each of Nb, Mo, Ta"),
        ({"migration_eV": {"Nb": 0.6, "Mo": float("nan"), "Ta": 1}}, r"migration_eV\['Mo'\] must be a "),
        ({"migration_eV": {"Nb": 0.6, "Mo": "high", "Ta": 1}}, r"migration_eV\['Mo'\] must be a "),
        ({"pair_eV": []}, "pair_eV must hold at least 1 value"),
        ({"pair_eV": [[1]]}, "array of objects"),
        ({"pair_eV": [{"Nb-W": 1.0}]}, "'Nb-W' is not two of X, Nb, Mo, Ta"),
        ({"pair_eV": [{"NbMo": 1.0}]}, "'NbMo' is not two of"),
        ({"pair_eV": [{"Nb-Mo": 1.0, "Mo-Nb": 1.0}]}, "given twice"),
        ({"pair_eV": [{"Nb-Mo": None}]}, r"pair_eV\[0\]\['Nb-Mo'\] must be a "),
        ({"pairs": []}, "unknown key pairs"),
    ],
)
def test_wrong_pair_file_gives_one_line(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(CONTENT | change))
    with pytest.raises(ValueError, match=message) as error:
        load_barriers(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_species_and_lattice_are_named() -> None:
    with pytest.raises(ValueError, match="does not know W; it knows Nb, Mo, Ta"):
        pair_model().compile(Lattice.bcc(3.2, ["W"], 3))
    lattice = Lattice.bcc(3.24, ["Nb"], 3)
    with pytest.raises(ValueError, match="not a vacancy"):
        pair_model().barriers(lattice, np.ones(lattice.n_sites, dtype=np.int8), np.array([0]))


# ---------------------------------------------------------------- the published network


@needs_weights
def test_network_equals_a_plain_evaluation() -> None:
    """1,000 random environments, 8 jumps each, with random numbers of other vacancies; positions, not offset tables."""
    arrays = dict(np.load(WEIGHTS, allow_pickle=False))
    model = PublishedNetwork.from_npz(WEIGHTS)
    # an asymmetric box, so that exchanged axes would show
    lattice = Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], (5, 6, 7))
    value = np.array([0, *(("Nb", "Mo", "Ta").index(s) + 1 for s in lattice.species)])
    half = np.rint(lattice.positions() / 1.62).astype(int)
    box = 2 * np.array(lattice.shape)
    grid = np.full(box, -1)
    grid[tuple(half.T)] = np.arange(len(half))
    jumps = list(itertools.product((-1, 1), repeat=3))
    compiled, shape = model.compile(lattice), np.array(lattice.shape)
    offsets = [
        (a, b, c)
        for a, b, c in itertools.product(range(-4, 5), repeat=3)
        if (a % 2 == b % 2 == c % 2) and 0 < 1.62 * np.linalg.norm((a, b, c)) <= 7.5
    ]
    assert len(offsets) == 112
    neighbours = lattice.neighbours(lattice.shells(1)[0].offsets)
    rng = np.random.default_rng(2)
    worst, finite = 0.0, 0
    for _ in range(1000):
        x = lattice.random_state(vacancies=int(rng.integers(1, 20)), rng=rng)[0]
        site = rng.choice(np.flatnonzero(x == 0))
        cube = np.zeros((9, 9, 9))
        for offset in offsets:
            place = grid[tuple((half[site] + offset) % box)]
            cube[offset[0] + 4, offset[1] + 4, offset[2] + 4] = value[x[place]]
        barriers = barriers_at(compiled, shape, x, np.array([site]))[0]
        found = {int(n): b for n, b in zip(neighbours[site], barriers, strict=True)}
        for jump in jumps:
            target = int(grid[tuple((half[site] + jump) % box)])
            if x[target] == 0:
                assert found[target] == np.inf
                continue
            worst = max(worst, abs(found[target] - max(published_barriers(arrays, cube, jump), 0.01)))
            finite += 1
    assert finite > 7000
    assert worst < 1e-5


@needs_weights
def test_network_has_the_published_statistics() -> None:
    """Barriers of random alloy (facts/1): mean 1.77, sd 0.25; Nb 1.62, Mo 2.01, Ta 1.69; other axes 0.012 away."""
    model, other = (PublishedNetwork.from_npz(WEIGHTS, axes=axes) for axes in ("xyz", "yxz"))
    lattice = Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], 8)
    rng = np.random.default_rng(3)
    neighbours = lattice.neighbours(lattice.shells(1)[0].offsets)
    barriers, shifted, jumping = [], [], []
    for x in lattice.random_state(batch=150, rng=rng):
        site = np.flatnonzero(x == 0)
        barriers.append(model.barriers(lattice, x, site)[0])
        shifted.append(other.barriers(lattice, x, site)[0])
        jumping.append(x[neighbours[site[0]]])
    b, species = np.array(barriers), np.array(jumping)
    assert b.mean() == pytest.approx(1.77, abs=0.03)
    assert b.std() == pytest.approx(0.25, abs=0.02)
    for name, mean in {"Nb": 1.62, "Mo": 2.01, "Ta": 1.69}.items():
        assert b[species == lattice.species.index(name) + 1].mean() == pytest.approx(mean, abs=0.04)
    assert np.abs(b - np.array(shifted)).mean() == pytest.approx(0.012, abs=0.002)


@needs_weights
def test_network_on_a_primitive_cell_is_the_same() -> None:
    """The same crystal described by its primitive cell: the cube still lies along the cubic axes."""
    model = PublishedNetwork.from_npz(WEIGHTS)
    cubic = Lattice.bcc(3.24, ["Nb", "Mo", "Ta"], 6)
    from dataclasses import replace

    cell = 1.62 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    primitive = replace(cubic, cell=cell, basis=np.zeros((1, 3)), shape=(12, 12, 12), _memo={})
    x = cubic.random_state(vacancies=6, rng=np.random.default_rng(4))[0]
    # the primitive box holds the cubic one four times over
    half = np.rint(primitive.positions() / 1.62).astype(int) % 12
    grid = np.full((12, 12, 12), -1)
    grid[tuple(np.rint(cubic.positions() / 1.62).astype(int).T)] = np.arange(cubic.n_sites)
    y = x[grid[tuple(half.T)]]
    sites = np.flatnonzero(x == 0)
    images = [np.flatnonzero(grid[tuple(half.T)] == s)[0] for s in sites]
    a = model.barriers(cubic, x, sites)
    b = model.barriers(primitive, y, np.array(images))
    np.testing.assert_allclose(np.sort(a, axis=1), np.sort(b, axis=1), atol=1e-6)


@needs_weights
def test_network_refuses_what_it_does_not_know() -> None:
    model = load_barriers(WEIGHTS)
    with pytest.raises(ValueError, match="does not know V; it knows Nb, Mo, Ta"):
        model.compile(Lattice.bcc(3.2, ["Nb", "V"], 5))
    with pytest.raises(ValueError, match="is for bcc lattices, the structure is fcc"):
        model.compile(Lattice.fcc(3.6, ["Nb", "Mo"], 5))
    with pytest.raises(ValueError, match='"xyz" or "yxz"'):
        PublishedNetwork.from_npz(WEIGHTS, axes="zyx")  # type: ignore[arg-type]


def network_arrays() -> dict[str, np.ndarray]:
    """Arrays of the right names and shapes, zeros and ones."""
    arrays = {"out_weight": np.ones((128, 1)), "out_bias": np.ones(1)}
    for layer in range(4):
        for key in ("bias", "bn_gamma", "bn_beta", "bn_mean", "bn_var"):
            arrays[f"layer{layer}_{key}"] = np.ones(128)
        arrays[f"layer{layer}_weight"] = np.zeros((729 if layer == 0 else 128, 128))
    return {key: value.astype(np.float32) for key, value in arrays.items()}


def test_wrong_network_files_give_one_line(tmp_path: Path) -> None:
    good = tmp_path / "good.npz"
    arrays = network_arrays()
    np.savez(good, **arrays)
    assert load_barriers(good).prototype == "bcc"

    def wrong(name: str, content: bytes | dict[str, np.ndarray]) -> str:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.savez(path, **content)
        with pytest.raises(ValueError) as error:
            load_barriers(path)
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)
        return str(error.value)

    whole = good.read_bytes()
    assert "not a readable npz" in wrong("truncated.npz", whole[: len(whole) // 2])
    assert "not a readable npz" in wrong("text.npz", b"hello")
    assert "not a readable npz" in wrong("empty.npz", b"")
    array = tmp_path / "array.npy"
    np.save(array, np.ones(3))
    assert "not a readable npz" in wrong("array.npz", array.read_bytes())
    assert "out_bias is missing" in wrong("part.npz", {k: v for k, v in arrays.items() if k != "out_bias"})
    assert "has shape (3,)" in wrong("shape.npz", arrays | {"out_bias": np.ones(3, dtype=np.float32)})
    nan = arrays["layer2_weight"].copy()
    nan[5, 5] = np.nan
    assert "layer2_weight holds values that are not finite" in wrong("nan.npz", arrays | {"layer2_weight": nan})
    pickled = tmp_path / "pickled.npz"
    with zipfile.ZipFile(pickled, "w") as archive:
        np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
        archive.write(tmp_path / "object.npy", "out_bias.npy")
    assert "not a readable npz" in wrong("pickled2.npz", pickled.read_bytes())


def test_unknown_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no barrier model is called 'nbmot'"):
        load_barriers("nbmot")
    for name in ("absent.json", "absent.npz", "absent.safetensors"):
        with pytest.raises(ValueError, match=f"cannot read the barrier model .*{name}: no such file"):
            load_barriers(tmp_path / name)
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ValueError, match=r"cannot read the barrier model .*folder\.json"):
        load_barriers(tmp_path / "folder.json")


def test_pair_and_published_models_do_not_import_torch() -> None:
    code = (
        "import sys, asemacro.barriers.kernels, asemacro.barriers.pair, asemacro.barriers.published;"
        "print([m for m in ('torch', 'torch_geometric', 'pymatgen', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_kernels_of_changed_sources_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    index = tmp_path / "__pycache__" / "kernel.nbi"
    source = tmp_path / "inner.py"
    source.write_text("@njit\ndef f(): ...\n")
    index.write_bytes(b"index")
    assert forget_stale_kernels(tmp_path)
    assert not index.exists()
    index.write_bytes(b"index")
    (tmp_path / "other.py").write_text("nothing compiled\n")
    assert not forget_stale_kernels(tmp_path)
    assert index.exists()
    source.write_text("@njit\ndef f(): return 1\n")
    assert forget_stale_kernels(tmp_path)
    assert not index.exists()
