"""Module names of version 0.1: they still work, with a warning that names the new one, and go with the next version.

`MODULES` is the table. A module whose old name is now that of a package (asemacro.lattice) is found by the package's
door, name by name (`lazy.lazily`); all others by an import hook that stands behind Python's own.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
import types
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any

MODULES = {
    "alloy_learning": "studies.alloy.learning",
    "analysis": "statistics.averages",
    "approach": "studies.alloy.approach",
    "barriers.data": "barriers.data.table",
    "barriers.evaluation": "barriers.data.evaluation",
    "barriers.gather": "lattice.gather",
    "barriers.gnn": "barriers.gnn.model",
    "barriers.gnn_cell": "barriers.gnn.cell",
    "barriers.gnn_consistent": "barriers.gnn.consistent",
    "barriers.gnn_consistent_kernel": "barriers.gnn.consistent_kernel",
    "barriers.gnn_direct": "barriers.gnn.direct",
    "barriers.gnn_energy": "barriers.gnn.energy",
    "barriers.gnn_file": "barriers.gnn.file",
    "barriers.gnn_kernel": "barriers.gnn.direct_kernel",
    "barriers.gnn_layers": "barriers.gnn.layers",
    "barriers.gnn_swap": "barriers.gnn.swap",
    "barriers.gnn_tables": "barriers.gnn.tables",
    "barriers.graph": "barriers.gnn.graph",
    "barriers.nnk": "barriers.published",
    "barriers.nnk_kernel": "barriers.published_kernel",
    "barriers.ridge": "barriers.data.ridge",
    "barriers.stale": "tasks.stale_kernels",
    "barriers.training": "barriers.data.training",
    "block_system": "micro.blocks",
    "boxes": "lattice.boxes",
    "campaign": "studies.alloy.campaign",
    "cli": "cli.app",
    "closure": "closure.variables",
    "closure_data": "closure.data",
    "closure_file": "closure.file",
    "closure_fit": "closure.fit",
    "closure_kernels": "closure.kernels",
    "closure_network": "closure.network",
    "closure_objectives": "closure.objectives",
    "closure_selection": "closure.selection",
    "collapse": "studies.critical.collapse",
    "commands": "studies.alloy.commands",
    "criticality": "studies.critical.criticality",
    "crystal": "lattice.recognition.crystal",
    "density_fit": "macro.density_fit",
    "diagram": "studies.alloy.diagram",
    "diagram_figures": "studies.alloy.figures",
    "diffusion": "macro.diffusion",
    "distil": "studies.alloy.distil",
    "drift": "macro.drift",
    "dt_rule": "labels.duration",
    "ensemble": "upsampling.ensemble",
    "equilibrium": "studies.alloy.equilibrium",
    "extrapolation": "studies.alloy.extrapolation",
    "field_covariance": "observables.field_covariance",
    "field_upsampling": "upsampling.interpolation",
    "fields": "lattice.fields",
    "inputs": "studies.alloy.inputs",
    "joined": "observables.joined",
    "lattice": "lattice.lattice",
    "learning": "studies.learn.learned",
    "learning_commands": "studies.learn.commands",
    "learning_figures": "studies.learn.figures",
    "least_squares": "macro.least_squares",
    "linear_drift": "macro.linear_drift",
    "micro.alloy": "micro.alloy.vacancy_kmc",
    "micro.base": "micro.protocol",
    "micro.birth_death": "micro.spins.birth_death",
    "micro.cache": "micro.alloy.cache",
    "micro.checks": "lattice.states",
    "micro.curie_weiss": "micro.spins.curie_weiss",
    "micro.field": "micro.fields.predator_prey",
    "micro.field_kernels": "micro.fields.kernels",
    "micro.glauber": "micro.spins.glauber",
    "micro.hashing": "micro.alloy.hashing",
    "micro.kernels": "micro.alloy.kernels",
    "micro.spin": "micro.spins.ising",
    "micro.spin_kernels": "micro.spins.kernels",
    "micro.streams": "micro.spins.streams",
    "micro.swap": "micro.alloy.swap",
    "micro.wolff": "micro.spins.cluster_moves",
    "mmd": "statistics.discrepancy",
    "moment_fit": "macro.moment_fit",
    "moments": "labels.moments",
    "naming": "lattice.recognition.symmetry",
    "observables": "observables.alloy",
    "pair_counts": "observables.pair_counts",
    "patches": "labels.transitions",
    "plot": "plot.short_range_order",
    "plot_dynamics": "plot.dynamics",
    "points": "studies.alloy.points",
    "polynomial": "macro.polynomial",
    "polynomial_kernel": "macro.polynomial_kernel",
    "prediction": "studies.alloy.prediction",
    "prototypes": "lattice.prototypes",
    "quasi_newton": "macro.quasi_newton",
    "recognise": "lattice.recognition.atoms_to_grid",
    "record": "studies.alloy.record",
    "reproduce": "studies.paper",
    "reproduce.alloy": "studies.paper.alloy",
    "reproduce.autoencoder": "studies.paper.autoencoder",
    "reproduce.command": "studies.paper.command",
    "reproduce.critical": "studies.paper.critical",
    "reproduce.critical_clock": "studies.paper.critical_clock",
    "reproduce.critical_drawing": "studies.paper.fig6_drawing",
    "reproduce.critical_model": "studies.paper.critical_model",
    "reproduce.drawing": "studies.paper.drawing",
    "reproduce.fig2": "studies.paper.fig2",
    "reproduce.fig3a": "studies.paper.fig3a",
    "reproduce.fig3b": "studies.paper.fig3b",
    "reproduce.fig4": "studies.paper.fig4",
    "reproduce.fig5": "studies.paper.fig5",
    "reproduce.fig6": "studies.paper.fig6",
    "reproduce.fig7": "studies.paper.fig7",
    "reproduce.fig8a": "studies.paper.fig8a",
    "reproduce.fig8b": "studies.paper.fig8b",
    "reproduce.fig8c": "studies.paper.fig8c",
    "reproduce.predator_prey": "studies.paper.predator_prey",
    "reproduce.published": "studies.paper.published",
    "reproduce.report": "studies.paper.report",
    "reproduce.runner": "studies.paper.runner",
    "reproduce.scheme": "studies.paper.scheme",
    "reproduce.spin_models": "studies.paper.spin_models",
    "reproduce.spin_transients": "studies.paper.spin_transients",
    "results": "studies.alloy.rows",
    "reversible": "macro.reversible",
    "reversible_law": "macro.stationary",
    "sde": "macro.sde",
    "sde_file": "macro.file",
    "setups": "studies.learn.systems",
    "shells": "lattice.shells",
    "short_range_order": "observables.short_range_order",
    "spin_observables": "observables.spins",
    "spin_upsampling": "upsampling.replication",
    "spins": "lattice.spins",
    "stationarity": "studies.alloy.stationarity",
    "stencil": "lattice.neighbour_tables",
    "store": "files.store",
    "tables": "data",
    "tensor_file": "files.tensors",
    "time_temperature": "studies.alloy.time_temperature",
    "train": "macro.train",
    "trajectories": "macro.trajectories",
    "upsampling": "upsampling.tiling",
    "windows": "lattice.patches",
}
MOVED = {
    "block_system.Observable": "observables.base",
    "campaign.RELAXED": "studies.alloy.approach",
    "commands.run_kmc": "studies.alloy.kmc_command",
    "fields.FieldMean": "observables.field_mean",
    "micro.base.Snapshots": "micro.sampling",
    "micro.base.sample": "micro.sampling",
    "micro.checks.count_of": "arguments.checks",
    "micro.checks.positive": "arguments.checks",
    "micro.checks.time_of": "arguments.checks",
    "plot_dynamics.data_collapse": "studies.critical.figures",
}
"""Names that are not where the rest of their module is."""
PROGRAMS = {"barriers.evaluation": ["barriers", "cross-validate"], "distil": ["barriers", "distil"]}
"""What `python -m asemacro.NAME` was, as verbs of the command."""


def warn(old: str, new: str, stacklevel: int) -> None:
    """Say in one line what a name is called now."""
    text = f"asemacro.{old} is now asemacro.{new}; the old name goes with the next version"
    warnings.warn(text, DeprecationWarning, stacklevel=stacklevel + 1)


def old_attribute(package: str, name: str) -> Any:
    """A name that a package held when it was a module.

    Args:
        package: "asemacro.lattice".
        name: in it.

    Raises:
        AttributeError: it held none of that name.
    """
    old = package.removeprefix("asemacro.")
    new = MOVED.get(f"{old}.{name}", MODULES.get(old))
    if new is not None:
        module = importlib.import_module(f"asemacro.{new}")
        if name in vars(module):
            warn(f"{old}.{name}", f"{new}.{name}", 3)
            return vars(module)[name]
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Makes a module of an old name from the one of the new name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        old = fullname.removeprefix("asemacro.")
        if old == fullname or old not in MODULES:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=self.is_package(fullname))

    def is_package(self, fullname: str) -> bool:
        return any(name.startswith(f"{fullname.removeprefix('asemacro.')}.") for name in MODULES)

    def exec_module(self, module: types.ModuleType) -> None:
        old = module.__name__.removeprefix("asemacro.")
        new = importlib.import_module(f"asemacro.{MODULES[old]}")
        warn(old, MODULES[old], 2)
        own = {name: value for name, value in vars(new).items() if name == "__getattr__" or name[:2] != "__"}
        vars(module).update(own)
        for name, place in MOVED.items():
            if name.rpartition(".")[0] == old:
                last = name.rpartition(".")[2]
                setattr(module, last, getattr(importlib.import_module(f"asemacro.{place}"), last))

    def get_code(self, fullname: str) -> types.CodeType | None:  # python -m asemacro.OLD
        verb = PROGRAMS.get(fullname.removeprefix("asemacro."))
        if verb is None:
            raise ImportError(f"{fullname} is no program")
        text = f"python -m {fullname} is now asemacro {' '.join(verb)}; the old name goes with the next version"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        # without a package, or the usage would name it and not the command
        lines = ["import sys", "__package__ = ''", "from asemacro.cli import main"]
        lines += [f"sys.argv[:1] = {['asemacro', *verb]}", "main()"]
        return compile("\n".join(lines), fullname, "exec")

    def get_source(self, fullname: str) -> str | None:
        return None


def install() -> None:
    """Let old names be imported; once."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
