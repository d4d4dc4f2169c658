"""A valid, small call of every public function and method: what `test_public_arguments` spoils argument by argument."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import asemacro as am
from asemacro.closure.fit import ClosureOptions
from asemacro.macro.moment_fit import MomentOptions, fit_moments, fit_noise
from asemacro.macro.train import FitOptions, fit_ensemble
from asemacro.micro.blocks import Blocks
from asemacro.micro.fields.predator_prey import cosine_fields


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


def _z(n: int, d: int) -> np.ndarray:
    return np.random.default_rng(n + d).standard_normal((n, d))


@cache
def _pairs(d: int = 1) -> Any:
    z0 = _z(60, d)
    return am.Pairs(z0, z0 - 0.1 * z0 + 0.3 * _z(61, d)[:60], 0.1, 2.0, np.zeros(0))


@cache
def _moments(d: int = 1) -> Any:
    z = _z(60, d)
    return am.Moments(z, -z + 0.1 * _z(61, d)[:60], np.tile(np.eye(d), (60, 1, 1)), np.array(2.0))


def _polynomial() -> Any:
    from asemacro.studies.learn.learned import polynomial_sde

    return polynomial_sde(("a",), 64, degrees=(3, 2), hidden=0)


def _reversible_sde() -> Any:
    return am.NeuralSDE(am.ReversibleDrift(1, degree=4), am.PolynomialDiffusion(1, degree=2), labels=("a",), sites=64)


@cache
def _reversible() -> Any:
    sde = _reversible_sde()
    am.fit_reversible(sde, _z(60, 1), _moments(), rng=rng())
    return sde


@cache
def _sde() -> Any:
    sde = am.NeuralSDE(am.OnsagerNet(1, 0, hidden=4), am.FullDiffusion(1, 0, hidden=4), labels=("a",), sites=64)
    sde.measure_scales(_pairs())
    return sde


@cache
def _closure() -> Any:
    options = ClosureOptions(shells=1, width=4, decoder=4, steps=3, restarts=1)
    fitted = am.fit_closure(LARGE, BIG.lattice, M, options=options, rng=rng())
    return fitted and fitted.model


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp())
    am.save_sde(folder / "sde.safetensors", _sde())
    am.save_closure(folder / "closure.safetensors", _closure())
    _learned().save(folder / "learned")
    return folder


@cache
def _learned() -> Any:
    return am.Learned(_polynomial(), _z(20, 1), np.zeros((20, 0)), 1)


@cache
def _small() -> Any:
    return am.sample(ISING, SPINS[:6], [0.0, 0.5], rng=rng())


@cache
def _transitions() -> Any:
    return am.partial_evolution(BIG, LARGE[:4], [0.1, 0.2], 1 / 16, rng=rng())


def _events(sites: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    return {"sites": sites[:, None], "values": values[:, None]}


def _of_lattices() -> dict[str, Call]:
    made = {"a": 3.0, "species": ["Nb", "Ta"], "shape": 3, "composition": {"Nb": 0.5, "Ta": 0.5}}
    named = {
        f"Lattice.{name}": Call(getattr(am.Lattice, name), made)
        for name in ("bcc", "fcc", "diamond", "cubic", "square", "triangular", "honeycomb", "chain")
    }
    raw = {
        "cell": np.eye(3),
        "basis": np.zeros((1, 3)),
        "shape": (3, 3, 3),
        "pbc": (True, True, True),
        "species": ("Nb",),
        "composition": {"Nb": 1.0},
        "prototype": "sc",
        "conventional": np.eye(3),
        "ideal": np.eye(3),
        "open_axes": (False, False, False),
    }
    return named | {
        "Lattice": Call(am.Lattice, raw),
        "Lattice.hcp": Call(am.Lattice.hcp, made | {"c": 4.9}),
        "Lattice.from_prototype": Call(am.Lattice.from_prototype, {"prototype": "hcp", **made, "c": 4.9}),
        "Lattice.repeat": Call(BCC.repeat, {"times": 2}),
        "Lattice.at_least": Call(BCC.at_least, {"n_sites": 100}),
        "Lattice.opened": Call(lambda axes: SQUARE.opened(axes), {"axes": 0}),
        "Lattice.offsets": Call(BCC.offsets, {"displacements": [[1, 1, 1]]}),
        "Lattice.neighbours": Call(BCC.neighbours, {"offsets": BCC.shells(1)[0].offsets}),
        "Lattice.nearest_sites": Call(BCC.nearest_sites, {"positions": BCC.positions()}),
        "Lattice.state": Call(BCC.state, {"atoms": BCC.to_atoms(ATOMS[0])}),
        "Lattice.to_atoms": Call(BCC.to_atoms, {"x": ATOMS[0], "vacancies": True}),
        "Lattice.tile": Call(BCC.tile, {"x": ATOMS, "larger": BCC.repeat(2)}),
        "Lattice.random_state": Call(
            BCC.random_state, {"composition": {"Nb": 0.5, "Ta": 0.5}, "vacancies": 1, "batch": 2, "rng": rng()}
        ),
        "Lattice.counts": Call(BCC.counts, {"composition": {"Nb": 0.5, "Ta": 0.5}, "vacancies": 1}),
    }


def _of_states() -> dict[str, Call]:
    spins_atoms = am.spins_to_atoms(SPINS[0], SQUARE)
    field_atoms = am.fields_to_atoms(CHAIN, CELLS[0])
    return {
        "random_spins": Call(
            am.random_spins, {"lattice": SQUARE, "magnetisation": [0.5, 0.0], "batch": 2, "rng": rng()}
        ),
        "spins_to_atoms": Call(am.spins_to_atoms, {"x": SPINS[0], "lattice": SQUARE}),
        "spins_from_atoms": Call(am.spins_from_atoms, {"atoms": spins_atoms, "lattice": SQUARE}),
        "fields_to_atoms": Call(am.fields_to_atoms, {"lattice": CHAIN, "x": CELLS[0], "labels": ("u", "v")}),
        "fields_from_atoms": Call(am.fields_from_atoms, {"lattice": CHAIN, "atoms": field_atoms, "labels": ("u", "v")}),
        "random_cosines": Call(am.random_cosines, {"lattice": CHAIN, "batch": 2, "rng": rng()}),
        "cosine_fields": Call(cosine_fields, {"lattice": CHAIN, "c1": [0.1], "c2": 0.5, "waves": 2.0}),
    }


def _of_observables() -> dict[str, Call]:
    move = {"sites": np.array([[0, 1]] * 4), "values": CELLS[:, [1, 0]]}
    i, j = np.flatnonzero(ATOMS[0] == 1)[0], np.flatnonzero(ATOMS[0] == 2)[0]
    swap = {"sites": np.array([[i, j]]), "values": np.array([[2, 1]], dtype=np.int8)}
    both = am.Observables([M, am.DomainWallDensity()])
    table: dict[str, Call] = {
        "WarrenCowley": Call(am.WarrenCowley, {"species": ["Nb", "Ta"], "shells": 2, "pairs": "all"}),
        "WarrenCowley.pair_counts": Call(SRO.pair_counts, {"x": ATOMS, "lattice": BCC}),
        "WarrenCowley.neighbours": Call(SRO.neighbours, {"lattice": BCC}),
        "WarrenCowley.bounds": Call(SRO.bounds, {"x": ATOMS, "lattice": BCC}),
        "WarrenCowley.vacancy_contacts": Call(SRO.vacancy_contacts, {"x": ATOMS, "lattice": BCC}),
        "WarrenCowley.with_like": Call(
            SRO.with_like, {"unlike": [[0.1]], "counts": [5, 5], "contacts": np.zeros((1, 1, 2))}
        ),
        "WarrenCowley.alpha": Call(SRO.alpha, {"delta": [0.1], "fractions": [0.5, 0.5], "lattice": BCC}),
        "WarrenCowley.random_mean": Call(SRO.random_mean, {"lattice": BCC, "counts": BCC.counts()}),
        "Magnetization": Call(am.Magnetization, {}),
        "DomainWallDensity": Call(am.DomainWallDensity, {"shell": 2}),
        "EnergyPerSite": Call(am.EnergyPerSite, {"coupling": [1.0, 0.5], "field": 0.1}),
        "FieldMean": Call(am.FieldMean, {"labels": ("u", "v")}),
        "FieldCovariance": Call(am.FieldCovariance, {"labels": ("u", "v")}),
        "Observables": Call(am.Observables, {"members": [M, am.DomainWallDensity()]}),
        "Magnetization.terms": Call(M.terms, {"lattice": SQUARE}),
        "DomainWallDensity.terms": Call(am.DomainWallDensity().terms, {"lattice": SQUARE}),
        "EnergyPerSite.terms": Call(am.EnergyPerSite().terms, {"lattice": SQUARE}),
    }
    spin_observables: dict[str, Any] = {"Magnetization": M, "DomainWallDensity": am.DomainWallDensity(),
                      "EnergyPerSite": am.EnergyPerSite(), "Observables": both}  # fmt: skip
    for name, phi in spin_observables.items():
        table[f"{name}.__call__"] = Call(phi.__call__, {"x": SPINS, "lattice": SQUARE})
        table[f"{name}.bounds"] = Call(phi.bounds, {"x": SPINS, "lattice": SQUARE})
        table[f"{name}.change"] = Call(phi.change, {"x0": SPINS, "lattice": SQUARE, "sites": SITES, "values": AFTER})
        table[f"{name}.changes"] = Call(phi.changes, {"x0": SPINS, "lattice": SQUARE, **_events(SITES, AFTER)})
    for name, phi, x, lattice, change in (
        ("FieldMean", am.FieldMean(), CELLS, CHAIN, move),
        ("FieldCovariance", am.FieldCovariance(), CELLS, CHAIN, move),
        ("WarrenCowley", SRO, ATOMS[:1], BCC, swap),
    ):
        table[f"{name}.__call__"] = Call(phi.__call__, {"x": x, "lattice": lattice})
        table[f"{name}.change"] = Call(phi.change, {"x0": x, "lattice": lattice, **change})
        events = _events(change["sites"], change["values"])
        table[f"{name}.changes"] = Call(phi.changes, {"x0": x, "lattice": lattice, **events})
    return table


def _of_systems() -> dict[str, Call]:
    active = np.tile(np.arange(4), (24, 1))
    table = {
        "Ising": Call(am.Ising, {"lattice": SQUARE, "temperature": 2.0, "coupling": [1.0, 0.5], "field": 0.1}),
        "CurieWeiss": Call(am.CurieWeiss, {"lattice": 9, "temperature": 2.0, "coupling": 1.0, "field": 0.1}),
        "PredatorPrey": Call(
            am.PredatorPrey,
            {"lattice": CHAIN, "a": 3.0, "b": 0.4, "D": (0.0, 1.0), "noise": 0.02, "time_step": 0.01,
             "form": "published"},
        ),
        "VacancyKMC": Call(
            am.VacancyKMC,
            {"lattice": BCC, "barriers": PAIR, "temperature_K": 900.0, "attempt_frequency_Hz": 1e13,
             "cache_entries": 64},
        ),
        "SwapMC": Call(am.SwapMC, {"lattice": BCC, "model": PAIR, "temperature_K": 900.0}),
        "VacancyKMC.at": Call(ALLOY.at, {"temperature_K": 900.0}),
        "VacancyKMC.on": Call(ALLOY.on, {"lattice": BCC.repeat(2)}),
        "VacancyKMC.carriers": Call(ALLOY.carriers, {"x": ATOMS}),
        "VacancyKMC.rates": Call(ALLOY.rates, {"x": ATOMS[0], "sites": ALLOY.carriers(ATOMS[:1])[0]}),
        "VacancyKMC.events": Call(ALLOY.events, {"x": ATOMS, "active": ALLOY.carriers(ATOMS)}),
        "SwapMC.run": Call(
            SWAPS.run,
            {"x": ATOMS[0], "sweeps": 3, "record_sweeps": [1, 2], "observe": lambda x: x.sum(), "progress": print,
             "rng": rng()},
        ),
        "PredatorPrey.on": Call(FIELDS.on, {"lattice": CHAIN}),
        "PredatorPrey.drift": Call(FIELDS.drift, {"x": CELLS}),
        "PredatorPrey.carriers": Call(FIELDS.carriers, {"x": CELLS}),
        "PredatorPrey.draw_active": Call(FIELDS.draw_active, {"x": CELLS, "m": 2, "rng": rng()}),
        "PredatorPrey.events": Call(FIELDS.events, {"x": CELLS, "active": active[:4]}),
        "PredatorPrey.evolve": Call(
            FIELDS.evolve, {"x": CELLS, "duration": 0.05, "active": active[:4], "rng": rng()}
        ),
        "wolff": Call(__import__("asemacro.micro.spins.cluster_moves", fromlist=["wolff"]).wolff,
                      {"system": ISING, "x": SPINS, "clusters": 2, "rng": rng()}),
        "magnetisation_moments": Call(
            __import__("asemacro.micro.spins.birth_death", fromlist=["x"]).magnetisation_moments,
            {"system": WEISS, "starts": [0.0, 0.5], "times": [0.0, 1.0]},
        ),
        "sample": Call(
            am.sample,
            {"system": ISING, "x0": SPINS[:2], "times": [0.0, 0.5], "n_trajectories": 3, "rng": rng(),
             "executor": None, "progress": print},
        ),
    }  # fmt: skip
    for name, system in {"Ising": ISING, "CurieWeiss": WEISS}.items():
        table |= {
            f"{name}.at": Call(system.at, {"temperature": 3.0}),
            f"{name}.on": Call(system.on, {"lattice": SQUARE.repeat(2)}),
            f"{name}.energy": Call(system.energy, {"x": SPINS}),
            f"{name}.checked": Call(system.checked, {"x": SPINS}),
            f"{name}.carriers": Call(system.carriers, {"x": SPINS}),
            f"{name}.draw_active": Call(system.draw_active, {"x": SPINS, "m": 4, "rng": rng()}),
            f"{name}.rates": Call(system.rates, {"x": SPINS, "active": active}),
            f"{name}.events": Call(system.events, {"x": SPINS, "active": active}),
            f"{name}.evolve": Call(system.evolve, {"x": SPINS, "duration": 0.5, "active": active, "rng": rng()}),
            f"{name}.first_passage": Call(
                system.first_passage, {"x": SPINS, "duration": 0.5, "below": -0.9, "above": 0.9, "rng": rng()}
            ),
        }
    return table


def _of_upsampling() -> dict[str, Call]:
    cells = {"system": ISING, "cells": SPINS[:6], "copies": 4, "count": 2, "rng": rng()}
    from asemacro.testing import check_microsystem
    from asemacro.upsampling.tiling import fix_composition

    return {
        "upsample": Call(
            am.upsample,
            {"system": ISING, "small": _small(), "copies": 4, "how": am.mosaic, "n_snapshots": 2, "rng": rng(),
             "relax_s": 0.1},
        ),
        "blocks": Call(am.blocks, cells),
        "repeat": Call(am.repeat, cells),
        "mosaic": Call(am.mosaic, {**cells, "system": ALLOY, "cells": ATOMS, "copies": 8,
                                   "wanted": 8 * BCC.counts()}),
        "fix_composition": Call(fix_composition, {"x": ATOMS, "counts": BCC.counts(), "rng": rng()}),
        "replicate": Call(am.replicate, {**cells, "flips": 0.1, "relax": 0.5, "patch": 4}),
        "interpolate": Call(am.interpolate, {**cells, "system": FIELDS, "cells": CELLS, "copies": 2}),
        "calibrate_flips": Call(
            am.calibrate_flips,
            {"system": ISING, "cells": SPINS, "target": 0.2, "target_error": 0.01, "known": (0.3, 0.01),
             "copies": 4, "relax": 0.1, "patch": None, "bounds": (0.0, 0.5), "points": 3, "rng": rng()},
        ),
        "snapshots": Call(
            am.snapshots,
            {"system": ISING, "starts": am.magnetised([0.0, 0.5]), "ages": [0.0, 0.5], "copies": 4,
             "how": am.mosaic, "trajectories": 4, "per_age": 1, "relax": 0.1, "rng": rng(), "executor": None,
             "progress": print},
        ),
        "magnetised": Call(am.magnetised, {"magnetisations": [0.0, 0.5]}),
        "log_ages": Call(am.log_ages, {"first": 0.1, "last": 10.0, "n": 5}),
        "Blocks": Call(Blocks, {"system": ISING, "copies": 3}),
        "check_microsystem": Call(
            check_microsystem,
            {"system": ISING, "x": SPINS[:1], "durations": (0.2, 1.0), "observable": M, "conserved": None,
             "fraction": 0.5, "replicas": 200, "seed": 0},
        ),
    }  # fmt: skip


def _of_labels() -> dict[str, Call]:
    group = np.arange(60) // 2
    return {
        "Pairs": Call(
            am.Pairs,
            {"z0": _z(60, 1), "z1": _z(60, 1) + 0.1, "dt": 0.1, "K": 2.0, "condition": 300.0,
             "weight": np.ones(60), "group": group},
        ),
        "Pairs.take": Call(_pairs().take, {"rows": np.arange(5)}),
        "Pairs.concat": Call(am.Pairs.concat, {"parts": [_pairs(), _pairs()]}),
        "Pairs.balanced": Call(_pairs().balanced, {}),
        "Moments": Call(
            am.Moments,
            {"z": _z(60, 1), "drift": _z(60, 1), "covariance": np.ones((60, 1, 1)), "K": 2.0, "condition": 300.0,
             "group": group},
        ),
        "Moments.take": Call(_moments().take, {"rows": np.arange(5)}),
        "Moments.concat": Call(am.Moments.concat, {"parts": [_moments(), _moments()]}),
        "partial_evolution": Call(
            am.partial_evolution,
            {"system": BIG, "x": LARGE[:4], "times": [0.1, 0.2], "fraction": 1 / 16, "rng": rng(),
             "group": np.arange(4), "progress": False},
        ),
        "Transitions.state": Call(_transitions().state, {"time": 0}),
        "Transitions.change": Call(_transitions().change, {"phi": M, "time": 0}),
        "Transitions.pairs": Call(_transitions().pairs, {"phi": M, "condition": 300.0, "time": 0}),
        "pairs_from_runs": Call(
            am.pairs_from_runs,
            {"values": _z(40, 1).reshape(8, 5, 1), "times_s": np.arange(5.0), "copies": 2, "condition": 300.0,
             "step_s": 1.0, "growth": 0.2, "combinations": 2, "rng": rng()},
        ),
        "patch_moments": Call(
            am.patch_moments,
            {"system": BIG, "x": LARGE[:4], "phi": M, "fraction": 1 / 16, "rng": rng(), "condition": 300.0,
             "group": np.arange(4)},
        ),
        "infinitesimal_moments": Call(
            am.infinitesimal_moments,
            {"system": ISING, "x": SPINS, "phi": M, "active": np.tile(np.arange(4), (24, 1))},
        ),
        "moments_from_pairs": Call(am.moments_from_pairs, {"pairs": _pairs(), "half": None}),
        "choose_dt": Call(
            am.choose_dt,
            {"system": BIG, "x": LARGE, "phi": M, "fraction": 1 / 16, "start_s": 0.01, "n_rows": 32,
             "tolerance": 5.0, "max_doublings": 2, "accuracy": 0.01, "rng": rng()},
        ),
    }  # fmt: skip


def _of_learning() -> dict[str, Call]:
    z, drift = _z(5, 1), am.OnsagerNet(1, 0, hidden=4)
    fast = FitOptions(max_epochs=1, min_steps=2)
    options = MomentOptions(network_steps=0, diffusion_steps=1)
    sizes = {"dim": 1, "n_conditions": 0}
    polynomial = {**sizes, "degree": 3, "odd": (0,), "condition_degree": 1}
    learn = {
        "large": BIG, "x": LARGE, "phi": M, "fraction": 1 / 16, "group": np.arange(60), "condition": None,
        "n_observed": 1, "sde": None, "options": options, "rng": rng(),
    }  # fmt: skip
    return {
        "OnsagerNet": Call(
            am.OnsagerNet,
            {**sizes, "hidden": 4, "conservative": True, "alpha": 0.02, "beta": 0.05, "n_knots": 1},
        ),
        "FullDiffusion": Call(am.FullDiffusion, {**sizes, "hidden": 4}),
        "PolynomialDiffusion": Call(am.PolynomialDiffusion, polynomial),
        "ReversibleDrift": Call(am.ReversibleDrift, polynomial),
        "NeuralSDE": Call(
            am.NeuralSDE,
            {"drift": drift, "diffusion": am.FullDiffusion(1, 0, hidden=4), "labels": ("a",), "sites": 64},
        ),
        "NeuralSDE.time_scale": Call(_sde().time_scale, {"condition": None}),
        "NeuralSDE.drift": Call(_sde().drift, {"z": z, "condition": None}),
        "NeuralSDE.diffusion": Call(_sde().diffusion, {"z": z, "condition": None}),
        "NeuralSDE.jacobian": Call(_sde().jacobian, {"z": z, "condition": None}),
        "NeuralSDE.relaxation_rates": Call(_sde().relaxation_rates, {"z": z, "condition": None}),
        "NeuralSDE.slow_down": Call(_polynomial().slow_down, {"factor": 1.0}),
        "NeuralSDE.measure_scales": Call(_polynomial().measure_scales, {"pairs": _pairs(), "noise_scale": 2.0}),
        "fit": Call(
            am.fit,
            {"sde": _sde(), "pairs": _pairs(), "rng": rng(), "options": fast, "keep_parameters": False,
             "progress": False},
        ),
        "fit_ensemble": Call(
            fit_ensemble,
            {"sde": _sde(), "pairs": _pairs(), "members": 1, "rng": rng(), "options": fast, "progress": False},
        ),
        "FitOptions": Call(
            FitOptions,
            {"max_epochs": 2, "min_steps": 2, "max_steps": 5, "batch_size": 8, "learning_rate": 0.01,
             "weight_decay": 0.0, "validation": 0.1, "patience": 0.4, "averaging": 1.0, "noise_scale": None},
        ),
        "MomentOptions": Call(
            MomentOptions,
            {"folds": 2, "network_steps": 1, "network_rows": 20, "diffusion_steps": 1, "diffusion_rows": 20},
        ),
        "fit_moments": Call(
            fit_moments,
            {"sde": _polynomial(), "moments": _moments(), "weight": np.ones(60), "options": options, "rng": rng()},
        ),
        "fit_noise": Call(
            fit_noise,
            {"sde": _polynomial(), "pairs": _pairs(), "noise_scale": 2.0, "options": options, "rng": rng()},
        ),
        "fit_reversible": Call(
            am.fit_reversible,
            {"sde": _reversible_sde(), "snapshots": _z(60, 1), "moments": _moments(), "condition": None,
             "group": np.arange(60), "weight": np.ones(60), "method": "score_matching", "options": options,
             "rng": rng()},
        ),
        "stationary_law": Call(am.stationary_law, {"sde": _reversible(), "condition": None, "nodes": 20}),
        "relaxation_modes": Call(
            am.relaxation_modes, {"sde": _reversible(), "condition": None, "degree": 2, "nodes": 20}
        ),
        "learn_from_rates": Call(am.learn_from_rates, learn),
        "learn_from_pairs": Call(am.learn_from_pairs, {**learn, "dt": 0.2, "richardson": False}),
        "Learned": Call(
            am.Learned,
            {"sde": _polynomial(), "z": _z(20, 1), "condition": np.zeros((20, 0)), "n_observed": 1, "report": None},
        ),
        "Learned.start": Call(_learned().start, {"z": [0.1], "condition": None, "nearest": 3}),
        "Learned.save": Call(_learned().save, {"directory": _folder() / "again"}),
        "Learned.load": Call(am.Learned.load, {"directory": _folder() / "learned"}),
        "save_sde": Call(am.save_sde, {"path": _folder() / "s.safetensors", "members": [_sde()]}),
        "load_sde": Call(am.load_sde, {"path": _folder() / "sde.safetensors"}),
        "save_closure": Call(am.save_closure, {"path": _folder() / "c.safetensors", "closure": _closure()}),
        "load_closure": Call(am.load_closure, {"path": _folder() / "closure.safetensors"}),
        "fit_closure": Call(
            am.fit_closure,
            {"x": LARGE, "lattice": BIG.lattice, "z_star": M, "dims": 1, "objective": "pseudo-likelihood",
             "moments": None, "group": np.arange(60),
             "options": ClosureOptions(shells=1, width=2, decoder=2, steps=2, restarts=1), "rng": rng()},
        ),
        "ClosureOptions": Call(
            ClosureOptions,
            {"shells": 1, "width": 4, "messages": 2, "decoder": 4, "steps": 3, "patience": 3, "restarts": 1,
             "validation": 0.2, "most_dims": 2, "most_sites": 100},
        ),
        "Closure.__call__": Call(_closure().__call__, {"x": LARGE, "lattice": BIG.lattice}),
        "Closure.changes": Call(
            _closure().changes,
            {"x0": SPINS, "lattice": SQUARE, **_events(SITES, AFTER)},
        ),
    }  # fmt: skip


def _of_analysis() -> dict[str, Call]:
    from asemacro.labels.transitions import pair_time_needed
    from asemacro.statistics import averages as analysis
    from asemacro.statistics import discrepancy
    from asemacro.studies.critical import collapse, criticality

    runs, m = _z(64, 1).reshape(4, 16, 1), np.tanh(_z(64, 1)).reshape(4, 16)
    orders = [criticality.order_parameter(m * s, 16 * s, rng=rng(), n_bootstrap=5) for s in (1, 2, 3)]
    same = [criticality.order_parameter(m * s, 16, rng=rng(), n_bootstrap=5) for s in (1.0, 0.9, 0.8)]
    slopes = [criticality.BinderSlope(float(k), 0.1 * k, 0.01, 0.5, np.full(5, 0.1 * k)) for k in (1, 2)]
    t = np.linspace(0, 1, 8)
    curves = [collapse.Curve(float(s), t, np.exp(-t * s), np.full(8, 0.1)) for s in (2, 3)]
    start = {"critical_temperature": 0.5, "nu": 1.0, "exponent": 0.0}
    return {
        "autocorrelation_time": Call(analysis.autocorrelation_time, {"series": m, "window": 6.0}),
        "stationary_average": Call(am.stationary_average, {"z": runs, "discard": 0.5}),
        "mean_errors": Call(
            analysis.mean_errors,
            {"model": runs, "reference": runs + 1, "times": np.arange(16.0), "split": 5.0},
        ),
        "mmd": Call(discrepancy.mmd, {"x": runs[0], "y": runs[1], "sigmas": (1.0, 2.0)}),
        "compare_by_mmd": Call(
            discrepancy.compare_by_mmd,
            {"model": runs, "reference": runs, "sigmas": (1.0, 2.0), "permutations": 3, "rng": rng()},
        ),
        "time_averaged_mmd": Call(
            discrepancy.time_averaged_mmd, {"model": runs, "reference": runs, "sigmas": (1.0, 2.0)}
        ),
        "halves_floor": Call(
            discrepancy.halves_floor, {"reference": runs, "sigmas": (1.0, 2.0), "splits": 3, "rng": rng()}
        ),
        "whiten": Call(discrepancy.whiten, {"model": runs, "reference": runs}),
        "susceptibility": Call(criticality.susceptibility, {"m": m, "sites": 16}),
        "binder_cumulant": Call(criticality.binder_cumulant, {"m": m}),
        "order_parameter": Call(
            criticality.order_parameter, {"m": m, "sites": 16, "size": 4.0, "n_bootstrap": 5, "rng": rng()}
        ),
        "power_law": Call(
            criticality.power_law,
            {"sizes": [1.0, 2.0], "values": [1.0, 2.0], "replicas": np.abs(_z(5, 2)) + 0.1},
        ),
        "critical_exponents": Call(criticality.critical_exponents, {"orders": orders}),
        "binder_slope": Call(
            criticality.binder_slope, {"temperatures": [1.0, 2.0, 3.0], "orders": same, "at": 2.0, "degree": 1}
        ),
        "correlation_length_exponent": Call(criticality.correlation_length_exponent, {"slopes": slopes}),
        "Curve": Call(
            collapse.Curve, {"size": 2.0, "temperatures": t, "values": t, "errors": np.full(8, 0.1)}
        ),
        "scaled": Call(collapse.scaled, {"curve": curves[0], **start}),
        "collapse_residual": Call(collapse.collapse_residual, {"curves": curves, **start, "overlap": 0.5}),
        "optimise_collapse": Call(
            collapse.optimise_collapse,
            {"curves": curves, "start": start, "vary": ("nu",), "n_bootstrap": 0, "rng": rng()},
        ),
        "pair_time_needed": Call(
            pair_time_needed, {"n_patches": 2.0, "sigma": [1.0, 2.0], "drift_error": 0.1}
        ),
    }  # fmt: skip


def _of_alloys() -> dict[str, Call]:
    return {
        "PairBarrier": Call(
            am.PairBarrier,
            {"species": ["Nb", "Ta"], "migration_eV": {"Nb": 0.6, "Ta": 0.7}, "pair_eV": [{"Nb-Ta": -0.05}],
             "name": "pair"},
        ),
        "PairBarrier.compile": Call(PAIR.compile, {"lattice": BCC}),
        "PairBarrier.compile_energy": Call(PAIR.compile_energy, {"lattice": BCC}),
        "PairBarrier.check": Call(PAIR.check, {"lattice": BCC}),
        "PairBarrier.energy": Call(PAIR.energy, {"lattice": BCC, "x": ATOMS}),
        "PairBarrier.barriers": Call(
            PAIR.barriers, {"lattice": BCC, "x": ATOMS[0], "sites": np.flatnonzero(ATOMS[0] == 0)}
        ),
        "load_barriers": Call(am.load_barriers, {"name_or_path": "nbmota"}),
        "phase_diagram": Call(_diagram, {
            "structure": BCC, "barriers": PAIR, "temperatures_K": [1500.0], "sites": 1024, "small": 128,
            "vacancies": 8, "vacancy_concentration": None, "anneal_hops": 1e3, "anneal_time_s": None, "seeds": 1,
            "hops": 1000, "direct": False, "vacancy_formation_energy_eV": 1.0, "workers": 1, "checkpoint": None,
            "progress": print, "rng": rng(),
        }),
    }  # fmt: skip


def _diagram(**arguments: Any) -> Any:
    """`phase_diagram` up to its first run: a whole one takes a minute."""
    from asemacro.studies.alloy import study

    def stop(*_: Any) -> Any:
        raise _Reached

    real = study.run_jobs
    study.run_jobs = stop  # type: ignore[assignment]
    try:
        return am.phase_diagram(**arguments)
    except _Reached:
        return None
    finally:
        study.run_jobs = real


class _Reached(Exception):
    pass


def public_calls() -> dict[str, Call]:
    """Name to call; "Class.method" for methods."""
    return (
        _of_lattices()
        | _of_states()
        | _of_observables()
        | _of_systems()
        | _of_upsampling()
        | _of_labels()
        | _of_learning()
        | _of_analysis()
        | _of_alloys()
    )
