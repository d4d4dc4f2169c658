"""An observable of a third party, derived from `Observable` or a plain class, goes wherever the built-in ones go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import asemacro as am
from asemacro.labels.moments import infinitesimal_moments
from asemacro.lattice.lattice import Lattice
from asemacro.micro.blocks import observe
from asemacro.micro.spins.ising import Ising
from asemacro.observables.base import Observable, as_observable


class Derived(Observable):
    """The part of the spins that is up, (1 + M) / 2, and its square; nothing but what must be there."""

    labels = ("up", "up2")

    def __call__(self, x: Any, lattice: Any) -> np.ndarray:
        up = (np.asarray(x) > 0).mean(axis=1)
        return np.stack([up, up**2], axis=1)


class Foreign:
    """The same without the base class."""

    labels, dim = ("up", "up2"), 2

    def __call__(self, x: Any, lattice: Any) -> np.ndarray:
        return Derived()(x, lattice)


class Quick(Foreign):
    """The same with some of what may be offered."""

    def changes(self, x0: Any, lattice: Any, sites: Any, values: Any) -> np.ndarray:
        before = np.take_along_axis(x0[:, None], np.maximum(sites, 0), axis=2)
        step = np.where(sites >= 0, np.sign(values - before), 0).sum(axis=2) / lattice.n_sites
        up = (x0 > 0).mean(axis=1)[:, None]
        return np.stack([step, (up + step) ** 2 - up**2], axis=2)

    def bounds(self, x: Any, lattice: Any) -> list[list[float]]:
        return [[0.0, 1.0], [0.0, 1.0]]


OWN = pytest.mark.parametrize("phi", [Derived(), Foreign(), Quick()], ids=["derived", "foreign", "quick"])
SMALL = Ising(Lattice.square(1.0, "X", 4), 3.0, field=0.3)
M = am.Magnetization()


def made() -> Any:
    return am.snapshots(
        SMALL, am.magnetised([0.8, -0.4]), [0.1, 0.5, 2.0], 4, trajectories=16, per_age=20, rng=np.random.default_rng(0)
    )


@OWN
def test_pairs_and_moments_are_those_of_the_magnetisation(phi: Any) -> None:
    large, x = made().system, made().x
    moves = am.partial_evolution(large, x, [0.2, 0.4], 1 / 4, rng=np.random.default_rng(1))
    pairs, known = moves.pairs(phi), moves.pairs(M)
    np.testing.assert_allclose(pairs.z0[:, 0], (1 + known.z0[:, 0]) / 2, atol=1e-14)
    np.testing.assert_allclose(pairs.z1[:, 0], (1 + known.z1[:, 0]) / 2, atol=1e-14)
    full = observe(phi, moves.state(), large.lattice) - observe(phi, x, large.lattice)
    np.testing.assert_allclose(moves.change(phi), full, atol=1e-14)
    one, other = (am.patch_moments(large, x, f, 1 / 4, rng=np.random.default_rng(2)) for f in (phi, M))
    np.testing.assert_allclose(one.drift[:, 0], other.drift[:, 0] / 2, atol=1e-13)
    np.testing.assert_allclose(one.covariance[:, 0, 0], other.covariance[:, 0, 0] / 4, atol=1e-13)
    np.testing.assert_allclose(
        infinitesimal_moments(large, x, phi)[0], infinitesimal_moments(large, x, Derived())[0], atol=1e-13
    )


@OWN
def test_it_is_joined_with_others(phi: Any) -> None:
    lattice, rng = SMALL.lattice, np.random.default_rng(3)
    both = am.Observables([phi, M])
    assert (both.labels, both.dim) == (("up", "up2", "M"), 3)
    x = rng.choice(np.array([-1, 1], np.int8), (5, 16))
    sites = np.array([[0, 3], [1, -1], [2, 5], [-1, -1], [7, 8]])
    after = x.copy()
    row, place = np.nonzero(sites >= 0)
    after[row, sites[row, place]] *= -1
    values = -np.take_along_axis(x, np.maximum(sites, 0), axis=1)
    np.testing.assert_allclose(
        both.change(x, lattice, sites, values), both(after, lattice) - both(x, lattice), atol=1e-14
    )
    known = isinstance(phi, Quick)
    assert both.bounds(x, lattice).tolist() == [[0, 1] if known else [-np.inf, np.inf]] * 2 + [[-1, 1]]


@OWN
def test_it_is_learned(phi: Any) -> None:
    found = made()
    first = am.Observables([phi]) if isinstance(phi, Quick) else phi
    learned = am.learn_from_rates(found.system, found.x, first, 1.0, rng=np.random.default_rng(4))
    assert learned.labels == ("up", "up2")
    assert learned.sde.sites == 64


def test_what_is_no_observable_is_refused() -> None:
    class Short(Foreign):
        dim = 1

    with pytest.raises(ValueError, match="one label for each of its 1 variables"):
        as_observable(Short())
    for odd in (np.mean, Foreign, None, "M"):
        with pytest.raises(TypeError, match="phi must be an observable"):
            as_observable(odd)
    with pytest.raises(ValueError, match="two values"):
        Derived().change(np.ones((1, 16), np.int8), SMALL.lattice, np.array([[1, 1]]), np.array([[-1, 1]]))
    with pytest.raises(ValueError, match="16 is not one"):
        Derived().change(np.ones((1, 16), np.int8), SMALL.lattice, np.array([[16]]), np.array([[-1]]))


@pytest.mark.parametrize("base", [Derived, Foreign])
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            lambda up: up[:, 0],
            r"gives an array of the shape \(\d+,\) for \d+ states, not \(\d+, 2\): one row a state, one",
        ),
        (lambda up: up.T, r"gives an array of the shape \(2, \d+\) for \d+ states"),
        (lambda up: None, "gives None, not real numbers$"),
        (lambda up: up * 1j, "gives .*, not real numbers$"),
        (lambda up: np.where(up > 0.6, np.nan, up), "gives nan, not only finite numbers$"),
    ],
)
def test_what_is_measured_wrongly_is_refused_with_the_name_of_the_class(base: Any, answer: Any, message: str) -> None:
    class Wrong(base):
        def __call__(self, x: Any, lattice: Any) -> Any:
            return answer(super().__call__(x, lattice))

    found = made()
    cell = found.system.lattice.block
    for call in (
        lambda: am.partial_evolution(found.system, found.x, [0.2], 1 / 4, rng=np.random.default_rng(1)).pairs(Wrong()),
        lambda: am.Observables([Wrong(), M])(found.x[:, :16], cell),
    ):
        with pytest.raises(ValueError, match="^the observable Wrong " + message):
            call()
    with pytest.raises(ValueError, match=r"^the observable Wrong gives (an array|None|\[|nan)"):
        am.learn_from_rates(found.system, found.x, Wrong(), 1.0, rng=np.random.default_rng(1))


def test_changes_of_another_shape_and_labels_that_are_none_are_refused() -> None:
    class Wrong(Derived):
        def changes(self, x0: Any, lattice: Any, sites: Any, values: Any) -> Any:
            return np.zeros((len(x0), 3))

        change = changes

    found = made()
    moves = am.partial_evolution(found.system, found.x, [0.2], 1 / 4, rng=np.random.default_rng(1))
    for call in (
        lambda: moves.change(Wrong()),
        lambda: am.patch_moments(found.system, found.x, Wrong(), 1 / 4, rng=np.random.default_rng(2)),
    ):
        with pytest.raises(ValueError, match=r"^the observable Wrong gives changes, an array of the shape \(\d+, 3\)"):
            call()
    for base in (Derived, Foreign):
        for labels in ("up", None, (1, 2)):
            with pytest.raises(TypeError, match="labels of Odd"):
                as_observable(type("Odd", (base,), {"labels": labels})())
        with pytest.raises(ValueError, match="labels of Odd must hold at least 1 value"):
            as_observable(type("Odd", (base,), {"labels": ()})())
