"""The arrows of the data flow: no module imports from a layer above its own, and imports stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "asemacro"
LAYERS = {
    "checks": 0,
    "elements": 0,
    "occupancy": 0,
    "rounding": 0,
    "patience": 0,
    "door": 0,
    "store": 0,
    "train": 0,
    "tables": 0,
    "file_reading": 0,
    "array_file": 0,
    "json_file": 0,
    "tensor_file": 0,
    "tensor_budget": 0,
    "testing": 0,
    "lattice": 1,
    "counts": 1,
    "lattice_form": 1,
    "crystal": 1,
    "cif_symmetry": 1,
    "cif_file": 1,
    "structure_text": 1,
    "structure_file": 1,
    "site_fractions": 1,
    "naming": 1,
    "prototypes": 1,
    "windows": 1,
    "spins": 1,
    "shells": 1,
    "boxes": 1,
    "recognise": 1,
    "distortion": 1,
    "periodic_points": 1,
    "placement": 1,
    "possible": 1,
    "translations": 1,
    "observables": 2,
    "short_range_order": 2,
    "pair_counts": 2,
    "fields": 2,
    "field_covariance": 2,
    "stencil": 2,
    "spin_observables": 2,
    "joined": 2,
    "state_change": 2,
    "barriers": 2,
    "micro": 3,
    "distil": 4,
    "upsampling": 4,
    "spin_upsampling": 4,
    "field_upsampling": 4,
    "block_system": 4,
    "patches": 4,
    "moments": 4,
    "dt_rule": 4,
    "ensemble": 4,
    "drift": 5,
    "linear_drift": 5,
    "least_squares": 5,
    "quasi_newton": 5,
    "diffusion": 5,
    "polynomial": 5,
    "polynomial_kernel": 5,
    "sde": 5,
    "sde_file": 5,
    "training_file": 5,
    "density_fit": 5,
    "moment_fit": 5,
    "reversible": 5,
    "reversible_law": 5,
    "trajectories": 5,
    "closure": 5,
    "closure_data": 5,
    "closure_file": 5,
    "closure_fit": 5,
    "closure_kernels": 5,
    "closure_network": 5,
    "closure_objectives": 5,
    "closure_selection": 5,
    "learning": 6,
    "analysis": 7,
    "collapse": 7,
    "criticality": 7,
    "mmd": 7,
    "plot": 7,
    "plot_dynamics": 7,
    "settling": 7,
    "stationarity": 7,
    "approach": 7,
    "time_temperature": 8,
    "points": 8,
    "record": 8,
    "prediction": 8,
    "equilibrium": 8,
    "results": 8,
    "commands": 8,
    "setups": 8,
    "learning_commands": 8,
    "simulate_command": 8,
    "learning_figures": 8,
    "alloy_learning": 8,
    "diagram_figures": 8,
    "extrapolation": 7,
    "inputs": 8,
    "start": 8,
    "cli_options": 8,
    "sro_command": 8,
    "campaign": 8,
    "kmc_run": 8,
    "diagram": 8,
    "reproduce": 8,
    "progress": 0,
    "content": 0,
    "interrupts": 0,
    "threads": 0,
    "checkpoint": 0,
    "publication": 0,
    "run_folder": 0,
    "mobility": 3,
    "written_numbers": 7,
    "swap_equilibrium": 8,
    "kept_stages": 8,
    "course": 8,
    "diagram_about": 8,
    "cli_numbers": 8,
    "cli_barriers": 8,
    "cli": 8,
}
LEARNER = (
    *("drift", "diffusion", "polynomial", "reversible", "sde", "moment_fit", "density_fit", "train"),
    *("closure", "closure_data", "closure_fit", "closure_kernels", "closure_network", "closure_objectives"),
    "closure_selection",
)


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    """Parts of asemacro that a file imports, anywhere in it, except for type checking."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module]
            if node.module == "asemacro":
                names += [f"asemacro.{alias.name}" for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("asemacro.")} & set(LAYERS)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    own = part(path)
    assert own in LAYERS, f"{own} has no layer: give it one"
    backwards = {other for other in imported_parts(path) if LAYERS[other] > LAYERS[own]}
    assert not backwards


@pytest.mark.parametrize("name", LEARNER)
def test_learner_sees_only_arrays(name: str) -> None:
    tree = ast.parse((PACKAGE / f"{name}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots = ("ase.", "pymatgen.", "asemacro.micro.", "asemacro.lattice.lattice.", "asemacro.observables.warren_cowley.")
    assert not [module for module in imported if f"{module}.".startswith(roots)]


def test_import_is_light() -> None:
    code = (
        "import sys, asemacro, asemacro.cli.app;"
        "heavy = {'torch', 'torch_geometric', 'matplotlib', 'pymatgen', 'numba', 'ase'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_files_stay_short() -> None:
    long = {str(path): n for path in modules() if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_no_module_hides_a_public_name() -> None:
    # importing asemacro.NAME sets the attribute NAME of the package: a function of that name would vanish
    import asemacro

    assert not [name for name in asemacro.__all__ if (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()]


def test_public_names_are_seen_by_dir_and_by_type_checkers() -> None:
    # before any of them is imported: completion shows dir(), type checkers read the block under TYPE_CHECKING
    code = "import asemacro; print(*dir(asemacro)); import sys; sys.exit('asemacro.lattice.lattice' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    import asemacro

    assert set(asemacro.__all__) == set(done.stdout.split())
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    (block,) = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    seen = {
        alias.asname: str(node.module).removeprefix("asemacro.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == asemacro._PUBLIC
