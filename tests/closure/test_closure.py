"""Closure variables: locality, sizes, symmetries, files, and that they find what z* lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asemacro.closure.file import load_closure, save_closure
from asemacro.closure.fit import ClosureOptions, fit_closure
from asemacro.closure.network import LocalNetwork, products
from asemacro.closure.variables import Closure, closure_of
from asemacro.labels.moments import infinitesimal_moments, patch_moments
from asemacro.labels.transitions import partial_evolution
from asemacro.lattice.lattice import Lattice
from asemacro.lattice.patches import window_sites
from asemacro.lattice.spins import random_spins
from asemacro.micro.blocks import BlockLattice, Blocks, observe
from asemacro.micro.fields.predator_prey import PredatorPrey
from asemacro.micro.sampling import sample
from asemacro.micro.spins.curie_weiss import CurieWeiss
from asemacro.micro.spins.ising import Ising
from asemacro.observables.field_mean import FieldMean
from asemacro.observables.joined import Observables
from asemacro.observables.spins import DomainWallDensity, Magnetization
from asemacro.studies.paper.autoencoder import fit_autoencoder

LATTICES = (
    Lattice.square(1.0, "X", (6, 5)),
    Lattice.square(1.0, "X", 3),
    Lattice.triangular(1.0, "X", 5),
    Lattice.honeycomb(1.0, "X", 4),
    Lattice.cubic(1.0, "X", (3, 1, 4)),
    Lattice.bcc(1.0, "X", 3),
    Lattice.chain(1.0, "X", 9),
)
CHAIN = Lattice.chain(1.0, "X", 12)
QUICK = ClosureOptions(steps=400, restarts=1)
RNG = np.random.default_rng


def closure(lattice: Lattice, n_fields: int = 0, dim: int = 2, shells: int = 3, seed: int = 0) -> Closure:
    """One with random weights."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    neighbours = [shell.offsets.shape[1] for shell in lattice.shells(shells)]
    networks = [LocalNetwork(n_fields, neighbours, width=6, messages=3) for _ in range(dim)]
    for network in networks:
        network.reset(generator)
    n_products = max(1, n_fields) * (1 + shells)
    return closure_of(
        networks, rng.normal(size=(dim, dim)), rng.normal(size=(dim, n_products)), rng.normal(size=dim), notes={"a": 1}
    )


def spins(lattice: Lattice, batch: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), size=(batch, lattice.n_sites))


def fields(lattice: Lattice, batch: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(batch, lattice.n_sites, 2))


def plainly(phi: Closure, x: np.ndarray, lattice: Lattice) -> np.ndarray:
    """The mean over sites, all neighbourhoods gathered and run through the networks in single precision."""
    own = torch.from_numpy((x[..., None] if x.ndim == 2 else x).astype(np.float32))
    near = own[:, lattice.neighbours(phi.offsets(lattice))]
    with torch.no_grad():
        f = torch.stack([copied(network).float()(own, near) for network in phi.networks], dim=-1)
        p = products(own, near, phi.neighbours)
        return (f @ phi.mix.float().T + p @ phi.skip.float().T + phi.offset.float()).mean(dim=1).numpy()


def copied(network: LocalNetwork) -> LocalNetwork:
    new = LocalNetwork(**network.settings)
    new.load_state_dict(network.state_dict())
    return new


def cases() -> list[Any]:
    out = [pytest.param(at, 0, id=f"spins-{at.prototype}-{at.n_sites}") for at in LATTICES]
    out += [pytest.param(at, 2, id=f"fields-{at.prototype}-{at.n_sites}") for at in LATTICES[:2]]
    return [*out, pytest.param(CHAIN.opened(0), 2, id="fields-open-chain")]


@pytest.mark.parametrize(("lattice", "n_fields"), cases())
def test_inference_equals_the_networks_and_changes_full_evaluations(lattice: Lattice, n_fields: int) -> None:
    phi = closure(lattice, n_fields)
    x = fields(lattice, 5) if n_fields else spins(lattice, 5)
    np.testing.assert_allclose(phi(x, lattice), plainly(phi, x, lattice), rtol=1e-5, atol=1e-5)
    rng = np.random.default_rng(1)
    sites = np.stack([[rng.permutation(lattice.n_sites)[:4] for _ in range(3)] for _ in x])
    sites[0, 1, 2:] = -1
    sites[1, 0] = -1
    after = fields(lattice, 5, 2) if n_fields else spins(lattice, 5, 2)
    values = np.stack([after[k][sites[k]] for k in range(5)])
    found = phi.changes(x, lattice, sites, values)
    for e in range(3):
        new = x.copy()
        row, place = np.nonzero(sites[:, e] >= 0)
        new[row, sites[row, e, place]] = values[row, e, place]
        np.testing.assert_allclose(found[:, e], phi(new, lattice) - phi(x, lattice), atol=1e-13)
        np.testing.assert_allclose(phi.change(x, lattice, sites[:, e], values[:, e]), found[:, e], atol=1e-15)
    assert not found[1, 0].any()


def test_values_do_not_depend_on_size_place_or_orientation() -> None:
    small, large = Lattice.square(1.0, "X", 6), Lattice.square(1.0, "X", (18, 12))
    for phi, x in ((closure(small), spins(small, 4)), (closure(small, 2), fields(small, 4))):
        grid = x.reshape(4, 6, 6, *x.shape[2:])
        value = phi(x, small)
        tiled = np.tile(grid, (1, 3, 2) + (1,) * (x.ndim - 2))
        np.testing.assert_allclose(phi(tiled.reshape(4, -1, *x.shape[2:]), large), value, atol=1e-12)
        blocks = BlockLattice(small, 4)
        np.testing.assert_allclose(phi(x, small).mean(axis=0), observe(phi, x.reshape(1, -1, *x.shape[2:]), blocks)[0])
        for moved in (np.roll(grid, (2, 1), (1, 2)), np.rot90(grid, axes=(1, 2)), grid[:, ::-1], grid.swapaxes(1, 2)):
            np.testing.assert_allclose(phi(moved.reshape(x.shape), small), value, atol=1e-12)
    with pytest.raises(ValueError, match="belongs to a lattice with 4, 4, 4"):
        closure(small)(spins(LATTICES[2], 1), LATTICES[2])


def test_patches_are_unbiased() -> None:
    system = Ising(Lattice.square(1.0, "X", 6), 2.5, field=0.1)
    x = spins(system.lattice, 2, 3)
    phi = Observables([Magnetization(), closure(system.lattice)])
    drift, covariance = infinitesimal_moments(system, x, phi)
    # every place of a 3 x 2 patch: their mean is the expectation of a random one
    parts = []
    for a in range(6):
        for b in range(6):
            sites = window_sites(system.lattice, np.array([[a, b, 0]]), (3, 2, 1))
            parts.append(infinitesimal_moments(system, x, phi, np.repeat(sites, 2, axis=0)))
    np.testing.assert_allclose(np.mean([p[0] for p in parts], axis=0), drift, atol=1e-13)
    np.testing.assert_allclose(np.mean([p[1] for p in parts], axis=0), covariance, atol=1e-13)
    # on blocks side by side, one of them active
    blocks = Blocks(system, 2)
    whole = infinitesimal_moments(blocks, x.reshape(1, -1), phi)[0]
    np.testing.assert_allclose(whole, drift.mean(axis=0, keepdims=True), atol=1e-13)


@pytest.mark.parametrize("n_fields", [0, 2])
def test_pairs_from_changes_are_those_of_whole_states(n_fields: int) -> None:
    system: Any = PredatorPrey(CHAIN.opened(0)) if n_fields else Ising(Lattice.square(1.0, "X", 6), 2.5)
    x = 0.5 + 0.1 * fields(CHAIN, 3) if n_fields else spins(system.lattice, 3)
    phi = closure(system.lattice, n_fields)
    moves = partial_evolution(system, x, [0.5], 1 / 3, rng=np.random.default_rng(0))
    np.testing.assert_allclose(
        moves.change(phi), phi(moves.state(), system.lattice) - phi(x, system.lattice), atol=1e-13
    )


@pytest.mark.parametrize("n_fields", [0, 2])
def test_files(n_fields: int, tmp_path: Path) -> None:
    lattice = LATTICES[0]
    phi = closure(lattice, n_fields)
    path = save_closure(tmp_path / "closure.safetensors", phi)
    again = load_closure(path)
    x = fields(lattice, 3) if n_fields else spins(lattice, 3)
    np.testing.assert_array_equal(again(x, lattice), phi(x, lattice))
    assert (again.labels, again.notes, again.dim) == (("closure_1", "closure_2"), {"a": 1}, 2)


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "closure.safetensors"
    phi = closure(LATTICES[0])
    content = save_closure(path, phi).read_bytes()
    with pytest.raises(FileNotFoundError, match="no closure file"):
        load_closure(tmp_path / "none")
    for damaged in (content[:-8], content[:40], b"", content.replace(b"asemacro-closure-1", b"asemacro-closure-0")):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"closure\.safetensors is") as error:
            load_closure(path)
        assert "\n" not in str(error.value)
    for old, new in ((b'\\"width\\": 6', b'\\"width\\": 5'), (b'\\"width\\": 6', b'\\"depth\\": 6')):
        assert old in content
        path.write_bytes(content.replace(old, new))
        with pytest.raises(ValueError, match="does not hold the closure that its settings describe"):
            load_closure(path)
    phi.skip[0, 1] = np.nan
    with pytest.raises(ValueError, match=r"not finite \(skip\)"):
        load_closure(save_closure(path, phi))


def transients(side: int, runs: int, seed: int = 0) -> tuple[Ising, np.ndarray, np.ndarray]:
    """Snapshots (N, n_sites) of Ising runs from random magnetisations to equilibrium, and their runs."""
    rng = np.random.default_rng(seed)
    system = Ising(Lattice.square(1.0, "X", side), 2.5, field=0.1)
    start = random_spins(system.lattice, rng.uniform(-0.9, 0.9, runs), rng=rng)
    times = [0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 30.0, 60.0]
    x = sample(system, start, times, rng=rng).x
    return system, x.reshape(-1, system.lattice.n_sites), np.repeat(np.arange(runs), len(times))


def residual(values: np.ndarray, *given: np.ndarray, degree: int = 6) -> np.ndarray:
    """What polynomials of the given variables leave of the values."""
    scaled = [(g - g.mean()) / np.abs(g - g.mean()).max() for g in given]
    powers = [p for p in np.ndindex(*(degree + 1,) * len(given)) if sum(p) <= degree]
    basis = np.stack([np.prod([s**k for s, k in zip(scaled, p, strict=True)], axis=0) for p in powers], axis=1)
    return values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]


def variables(*given: Any, **options: Any) -> Closure:
    fitted = fit_closure(*given, **options)
    assert fitted is not None
    assert list(fitted.held_out.values()) == fitted.model.notes["loss"]
    return fitted.model


def test_the_variable_found_beside_the_magnetisation_carries_the_walls() -> None:
    system, x, run = transients(64, 25)
    z_star = Magnetization()
    found = variables(x, system.lattice, z_star, group=run, options=QUICK, rng=np.random.default_rng(0))
    value = found(x, system.lattice)[:, 0]
    np.testing.assert_allclose([value.mean(), value.std()], [0, 1], atol=1e-9)
    assert abs(np.corrcoef(value, z_star(x, system.lattice)[:, 0])[0, 1]) < 1e-9
    # on other runs than those of the fit
    _, x, _ = transients(64, 25, seed=1)
    z, walls, value = (phi(x, system.lattice)[:, 0] for phi in (z_star, DomainWallDensity(), found))
    given_m = residual(walls, z)
    assert 1 - residual(walls, z, value).var() / given_m.var() > 0.95
    assert np.corrcoef(given_m, residual(value, z))[0, 1] > 0.9  # larger with more walls


def test_the_one_step_objective_finds_the_drift() -> None:
    system, x, run = transients(16, 40)
    z_star = Magnetization()
    moments = patch_moments(system, x, z_star, group=run, rng=np.random.default_rng(0))
    found = variables(
        x, system.lattice, z_star, "auto", objective="one-step", moments=moments, options=QUICK, rng=RNG(0)
    )
    before, *after = found.notes["one_step_loss"]
    assert after[0] < 0.01 * before  # the drift of M is a mean over sites of 2 s_i r_i: one such variable says it all
    z, value = z_star(x, system.lattice)[:, 0], found(x, system.lattice)[:, 0]
    assert residual(moments.drift[:, 0], z, value).var() < 0.01 * residual(moments.drift[:, 0], z).var()


def test_nothing_is_added_to_what_is_closed() -> None:
    system = CurieWeiss(Lattice.square(1.0, "X", 8), 1.1, field=0.1)
    x = random_spins(system.lattice, np.linspace(-1, 1, 120), rng=RNG(0))
    moments = patch_moments(system, x, Magnetization(), 1 / 4, rng=RNG(1))
    quick = ClosureOptions(steps=20, restarts=1)
    assert fit_closure(x, system.lattice, Magnetization(), "auto", moments=moments, options=quick, rng=RNG(2)) is None


def test_same_seed_same_closure_and_later_variables_leave_earlier_ones() -> None:
    system, x, run = transients(16, 20)
    z_star = Observables([Magnetization(), DomainWallDensity()])
    quick = ClosureOptions(steps=40, restarts=1)
    first, again, both = (
        variables(x, system.lattice, z_star, dims, group=run, options=quick, rng=RNG(3)) for dims in (1, 1, 2)
    )
    values = both(x, system.lattice)
    np.testing.assert_array_equal(again(x, system.lattice), first(x, system.lattice))
    np.testing.assert_allclose(values[:, :1], first(x, system.lattice), atol=1e-9)
    z = np.column_stack([z_star(x, system.lattice), values])
    np.testing.assert_allclose(np.corrcoef(z.T)[2:, :2], 0, atol=1e-7)
    np.testing.assert_allclose(np.corrcoef(z.T)[2:, 2:], np.eye(2), atol=1e-7)
    assert len(both.notes["loss"]) == 3
    # snapshots of blocks side by side are those of their cells
    blocks = BlockLattice(system.lattice, 2)
    pairs = x.reshape(len(x) // 2, -1)
    made = variables(pairs, blocks, z_star, options=quick, rng=RNG(3))
    np.testing.assert_allclose(observe(made, pairs, blocks).std(), 1)


def test_fields_whose_spread_differs() -> None:
    rng, lattice = RNG(0), Lattice.chain(1.0, "X", 64).opened(0)
    size, shift = rng.uniform(0.5, 1.5, (120, 1, 1)), 0.3 * rng.normal(size=(120, 1, 1))
    x = shift + size * rng.normal(size=(120, 64, 1))
    options = ClosureOptions(shells=2, width=8, messages=2, decoder=8, steps=60, restarts=1)
    found = variables(x, lattice, FieldMean(("u",)), options=options, rng=RNG(1))
    value = found(x, lattice)[:, 0]
    spread = x[..., 0].std(axis=1)
    np.testing.assert_allclose(
        [value.mean(), value.std(), np.corrcoef(value, x.mean(axis=(1, 2)))[0, 1]], [0, 1, 0], atol=1e-7
    )
    assert residual(spread, x.mean(axis=(1, 2)), value, degree=3).var() < 0.1 * spread.var()


def test_bad_input_is_refused() -> None:
    lattice = Lattice.square(1.0, "X", 4)
    x, m = spins(lattice, 30), Magnetization()
    other = patch_moments(Ising(lattice, 2.0), -x, m, rng=RNG(0))
    calls: list[tuple[dict[str, Any], str]] = [
        ({"dims": 0}, "dims must be"),
        ({"objective": "autoencoder"}, "objective is"),
        ({"dims": "auto"}, "need moments"),
        ({"objective": "one-step"}, "need moments"),
        ({"moments": other}, "not those of z_star"),
        ({"x": x[:5]}, "too few"),
        ({"x": x * 0}, "-1 or 1"),
        ({"x": np.repeat(x[:1], 30, axis=0)}, "do not differ"),
    ]
    for change, message in calls:
        arguments = {"x": x, "lattice": lattice, "z_star": m, "options": ClosureOptions(steps=1), **change}
        with pytest.raises(ValueError, match=message):
            fit_closure(rng=RNG(0), **arguments)
    for setting in ({"shells": 0}, {"validation": 0.9}, {"steps": -1}):
        with pytest.raises(ValueError, match="must"):
            ClosureOptions(**setting)
    phi = closure(lattice)
    with pytest.raises(ValueError, match="two values"):
        phi.change(x[:1], lattice, np.array([[1, 1]]), x[:1, [1, 1]])
    with pytest.raises(ValueError, match="two values"):
        closure(lattice, 2).change(fields(lattice, 1), lattice, np.array([[1, 1]]), np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="not one of"):
        phi.change(x[:1], lattice, np.array([[16]]), x[:1, :1])
    with pytest.raises(ValueError, match="each must be"):
        phi.change(x[:1], lattice, np.array([[3]]), np.zeros((1, 1), np.int8))
    with pytest.raises(ValueError, match="fields have shape"):
        closure(lattice, 2)(fields(CHAIN, 1), lattice)
    with pytest.raises(ValueError, match="1 to 3 shells"):
        LocalNetwork(0, (4, 4, 4, 8))
    with pytest.raises(ValueError, match="more than"):
        closure_of([LocalNetwork(0, (120, 120, 120))], np.eye(1), np.zeros((1, 4)), [0.0])
    with pytest.raises(ValueError, match="mix has shape"):
        closure_of(phi.networks, np.eye(1), phi.skip, phi.offset)
    with pytest.raises(ValueError, match="at least one network"):
        closure_of([], np.eye(1), np.zeros((1, 4)), [0.0])


def test_the_patch_autoencoder_is_an_observable() -> None:
    _, x, _ = transients(16, 12)
    lattice = Lattice.square(1.0, "X", 16)
    found, (reached, by_mean) = fit_autoencoder(x, lattice, Magnetization(), patch=8, epochs=3, rng=RNG(0))
    value = found(x, lattice)
    np.testing.assert_allclose([value.mean(), value.std()], [0, 1], atol=1e-6)
    moved = np.roll(x.reshape(-1, 16, 16), 8, axis=2).reshape(x.shape)  # by a whole patch
    np.testing.assert_allclose(found(moved, lattice), value, atol=1e-5)
    assert reached > 0.8 * by_mean
    sites = np.array([[[3], [40], [255]]])
    each = found.changes(x[-1:], lattice, sites, -x[-1, sites])[0]
    for e, site in enumerate(sites[0, :, 0]):
        flipped = x[-1:].copy()
        flipped[0, site] *= -1
        np.testing.assert_allclose(each[e], (found(flipped, lattice) - found(x[-1:], lattice))[0], atol=1e-10)
    with pytest.raises(ValueError, match="one spin"):
        found.changes(x[:1], lattice, sites.reshape(1, 1, 3), sites.reshape(1, 1, 3))
    with pytest.raises(ValueError, match="do not tile"):
        found(spins(LATTICES[0], 1), LATTICES[0])
