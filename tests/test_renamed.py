"""Module names of version 0.1 work for one version more, and say what they are called now."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from asemacro.renamed import MODULES, MOVED, PROGRAMS

PACKAGE = Path(__file__).resolve().parent.parent / "asemacro"


def is_package(name: str) -> bool:
    return (PACKAGE / name.replace(".", "/")).is_dir()


@pytest.mark.parametrize("old", [name for name in MODULES if not is_package(name)])
def test_old_modules_are_found(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, f"asemacro.{old}", raising=False)
    with pytest.warns(DeprecationWarning, match=f"^asemacro.{old} is now asemacro.{MODULES[old]};"):
        module = importlib.import_module(f"asemacro.{old}")
    new = importlib.import_module(f"asemacro.{MODULES[old]}")
    assert module is not new
    assert {name for name in vars(new) if not name.startswith("__")} <= set(vars(module))


# what the pages, examples and scripts of version 0.1 imported
USED = """
barriers: load_barriers PairBarrier available card
barriers.nnk: PublishedNetwork
barriers.gnn: BarrierGNN
barriers.data: load_barrier_data
barriers.training: train_barriers
block_system: observe Observable
approach: relaxation
campaign: RELAXED
closure: Closure
closure_fit: fit_closure ClosureOptions
density_fit: ageing fit_reversible
field_covariance: FieldCovariance
field_upsampling: interpolate interpolated_noise
fields: FieldMean fields_to_atoms
joined: Observables
lattice: Lattice VACANCY
learning: learn_from_rates learn_from_pairs polynomial_sde
micro.alloy: VacancyKMC
micro.base: sample
micro.birth_death: magnetisation_moments
micro.checks: positive states_of
micro.field: PredatorPrey cosine_fields random_cosines
micro.swap: SwapMC
moment_fit: fit_noise fit_moments
moments: Moments infinitesimal_moments
observables: WarrenCowley bounds_of_pairs
patches: Pairs pairs_from_runs partial_evolution
plot: new_figure color_of
plot_dynamics: mean_trajectory data_collapse
reproduce.autoencoder: fit_autoencoder
reproduce.critical: FULL PHI REPORTED SMALL calibrate chunks drawn grow system_of
reproduce.predator_prey: chain
reproduce.spin_models: Data Effort all_rates make_data
reproduce.spin_transients: Law direct_law errors_of fit_labels ising predict
sde: NeuralSDE OnsagerNet
spin_observables: DomainWallDensity Magnetization
spin_upsampling: relax_patches replicate
spins: random_spins
stationarity: lag
testing: check_microsystem
train: FitOptions fit fit_ensemble
upsampling: mosaic fix_composition
"""


@pytest.mark.filterwarnings("ignore:asemacro")
@pytest.mark.parametrize("line", USED.split("\n")[1:-1])
def test_names_that_scripts_used_are_found(line: str) -> None:
    module, _, names = line.partition(": ")
    for name in names.split():
        assert hasattr(importlib.import_module(f"asemacro.{module}"), name), name


def test_every_moved_name_is_that_of_its_new_module() -> None:
    for name, new in MOVED.items():
        module, _, last = name.rpartition(".")
        sys.modules.pop(f"asemacro.{module}", None)
        with pytest.warns(DeprecationWarning, match=f"^asemacro.{module} is now "):
            old = importlib.import_module(f"asemacro.{module}")
        assert getattr(old, last) is getattr(importlib.import_module(f"asemacro.{new}"), last)


def test_a_door_warns_of_what_it_held_as_a_module() -> None:
    lattice = importlib.import_module("asemacro.lattice")
    with pytest.warns(DeprecationWarning, match=r"^asemacro.lattice.VACANCY is now asemacro.lattice.lattice.VACANCY;"):
        assert lattice.VACANCY == "X"


def test_old_modules_run_as_programs() -> None:
    for old, verb in PROGRAMS.items():
        command = [sys.executable, "-W", "default::DeprecationWarning", "-m", f"asemacro.{old}", "--help"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent)
        assert done.returncode == 0, done.stderr
        assert f"{' '.join(verb)} [OPTIONS]" in " ".join(done.stdout.split())
        assert f"python -m asemacro.{old} is now asemacro {' '.join(verb)};" in done.stderr


def test_names_that_never_were_are_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"asemacro\.phases"):
        importlib.import_module("asemacro.phases")
