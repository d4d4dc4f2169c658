"""Small systems, states and models that calls of public functions are made of."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import asemacro as am
from asemacro.closure.fit import ClosureOptions


class Call(NamedTuple):
    """A function or bound method with arguments that it takes."""

    function: Callable[..., Any]
    arguments: dict[str, Any]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


SQUARE = am.Lattice.square(1.0, "X", 4)
CHAIN = am.Lattice.chain(1.0, "X", 8).opened(0)
BCC = am.Lattice.bcc(3.2, ["Nb", "Ta"], 3)
PAIR = am.PairBarrier(["Nb", "Ta"], {"Nb": 0.6, "Ta": 0.7}, [{"Nb-Ta": -0.05}])
ISING = am.Ising(SQUARE, 2.5, field=0.1)
WEISS = am.CurieWeiss(SQUARE, 2.0)
FIELDS = am.PredatorPrey(CHAIN)
ALLOY = am.VacancyKMC(BCC, PAIR, 1500.0)
SWAPS = am.SwapMC(BCC, PAIR, 1500.0)
SPINS = am.random_spins(SQUARE, np.linspace(-0.5, 0.5, 24), rng=rng())
CELLS = am.random_cosines(CHAIN, 4, rng=rng())
ATOMS = BCC.random_state(batch=2, rng=rng())
M = am.Magnetization()
SRO = am.WarrenCowley(["Nb", "Ta"])
SITES, AFTER = np.tile([[0, 5]], (24, 1)), -SPINS[:, [0, 5]]
BIG = am.Ising(SQUARE.repeat(2), 2.5, field=0.1)
LARGE = am.random_spins(BIG.lattice, np.linspace(-0.9, 0.9, 60), rng=rng())


def a_z(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(n + d).standard_normal((n, d))


@cache
def a_pairs(d: int = 1) -> Any:
    z0 = a_z(60, d)
    return am.Pairs(z0, z0 - 0.1 * z0 + 0.3 * a_z(61, d)[:60], 0.1, 2.0, np.zeros(0))


@cache
def a_moments(d: int = 1) -> Any:
    z = a_z(60, d)
    return am.Moments(z, -z + 0.1 * a_z(61, d)[:60], np.tile(np.eye(d), (60, 1, 1)), np.array(2.0))


def a_polynomial() -> Any:
    from asemacro.studies.learn.learned import polynomial_sde

    return polynomial_sde(("a",), 64, degrees=(3, 2), hidden=0)


def a_reversible_sde() -> Any:
    return am.NeuralSDE(am.ReversibleDrift(1, degree=4), am.PolynomialDiffusion(1, degree=2), labels=("a",), sites=64)


@cache
def a_reversible() -> Any:
    sde = a_reversible_sde()
    am.fit_reversible(sde, a_z(60, 1), a_moments(), rng=rng())
    return sde


@cache
def a_sde() -> Any:
    sde = am.NeuralSDE(am.OnsagerNet(1, 0, hidden=4), am.FullDiffusion(1, 0, hidden=4), labels=("a",), sites=64)
    sde.measure_scales(a_pairs())
    return sde


@cache
def a_closure() -> Any:
    options = ClosureOptions(shells=1, width=4, decoder=4, steps=3, restarts=1)
    fitted = am.fit_closure(LARGE, BIG.lattice, M, options=options, rng=rng())
    return fitted and fitted.model


@cache
def a_folder() -> Path:
    folder = Path(tempfile.mkdtemp())
    am.save_sde(folder / "sde.safetensors", a_sde())
    am.save_closure(folder / "closure.safetensors", a_closure())
    a_learned().save(folder / "learned")
    return folder


@cache
def a_learned() -> Any:
    return am.Learned(a_polynomial(), a_z(20, 1), np.zeros((20, 0)), 1)


@cache
def a_small() -> Any:
    return am.sample(ISING, SPINS[:6], [0.0, 0.5], rng=rng())


@cache
def a_transitions() -> Any:
    return am.partial_evolution(BIG, LARGE[:4], [0.1, 0.2], 1 / 16, rng=rng())


def a_events(sites: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    return {"sites": sites[:, None], "values": values[:, None]}
