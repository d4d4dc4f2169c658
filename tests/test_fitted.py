"""What a fit gives goes wherever its model goes, and for one version passes for what a fit gave before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asemacro as am
from asemacro.closure.fit import ClosureOptions
from asemacro.fitted import Fitted, History
from asemacro.macro.train import FitOptions, fit_ensemble

QUICK = FitOptions(max_epochs=2, min_steps=4)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def pairs() -> am.Pairs:
    z = rng().standard_normal((60, 1))
    return am.Pairs(z, 0.9 * z + 0.3 * np.random.default_rng(1).standard_normal((60, 1)), 0.1, 2.0, np.zeros(0))


def sde() -> am.NeuralSDE:
    return am.NeuralSDE(am.OnsagerNet(1, 0, hidden=4), am.FullDiffusion(1, 0, hidden=4))


def test_a_fit_of_an_equation_goes_where_the_equation_goes(tmp_path: Path) -> None:
    equation = sde()
    fitted = am.fit(equation, pairs(), rng=rng(), options=QUICK)
    assert fitted.model is equation
    assert fitted.held_out == {"negative log-likelihood": min(fitted.history.validation)}
    for given, name in ((equation, "a"), (fitted, "b")):
        am.save_sde(tmp_path / name, given)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    paths = [am.simulate(given, [1.0], 1.0, rng=rng())[1] for given in (equation, fitted)]
    np.testing.assert_array_equal(*paths)
    unheard = am.fit(sde(), pairs(), rng=rng(), options=FitOptions(max_epochs=1, min_steps=1, validation=0.0))
    assert unheard.held_out == {}


def test_a_fit_of_variables_goes_where_the_variables_go(tmp_path: Path) -> None:
    lattice, m = am.Lattice.square(1.0, "X", 4), am.Magnetization()
    x = am.random_spins(lattice, np.linspace(-0.9, 0.9, 40), rng=rng())
    options = ClosureOptions(shells=1, width=4, decoder=4, steps=3, restarts=1)
    fitted = am.fit_closure(x, lattice, m, options=options, rng=rng())
    assert fitted is not None
    both = [am.Observables([m, given]) for given in (fitted.model, fitted)]
    assert both[0].labels == both[1].labels
    np.testing.assert_array_equal(both[0](x, lattice), both[1](x, lattice))
    am.save_closure(tmp_path / "a", fitted)
    np.testing.assert_array_equal(am.load_closure(tmp_path / "a")(x, lattice), fitted.model(x, lattice))
    with pytest.warns(DeprecationWarning, match="the call of what it gave before will go"):
        np.testing.assert_array_equal(fitted(x, lattice), fitted.model(x, lattice))
    with pytest.warns(DeprecationWarning, match="the notes of what it gave before will go"):
        assert fitted.notes is fitted.model.notes


def test_it_passes_for_the_history_and_for_the_list_of_before() -> None:
    fitted = fit_ensemble(sde(), pairs(), 2, rng=rng(), options=QUICK)
    assert len(fitted.members) == 2
    assert len(fitted.histories) == 3
    with pytest.warns(DeprecationWarning, match="take its model, members, report or history"):
        first, *others = fitted
    assert first is fitted.model
    assert tuple(others) == fitted.members
    with pytest.warns(DeprecationWarning, match="the list of"):
        assert fitted[0] is fitted.model
    history = am.fit(sde(), pairs(), rng=rng(), options=QUICK)
    with pytest.warns(DeprecationWarning, match="the best_epoch of"):
        assert history.best_epoch == history.history.best_epoch


def test_what_it_never_had_is_named() -> None:
    fitted: Fitted[str, Any] = Fitted("model", {}, None, _before=History())
    for name in ("degrees", "_private"):
        with pytest.raises(AttributeError, match=f"^a Fitted has no {name}; it has model, held_out, report, history"):
            getattr(fitted, name)
    assert fitted.history.training == []
