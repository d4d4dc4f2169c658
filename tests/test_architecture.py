"""The arrows of the data flow: no module imports from a layer above its own, and imports stay light."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from asemacro.lazy import listed

PACKAGE = Path(__file__).resolve().parent.parent / "asemacro"
BESIDE = {"arguments", "calculators", "files", "statistics", "tasks"}
ROOMS = {
    "lattice": 1,
    "observables": 2,
    "barriers": 2,
    "micro": 3,
    "upsampling": 4,
    "labels": 5,
    "macro": 6,
    "closure": 7,
    "studies": 8,
    "cli": 9,
}
LEARNER = sorted((PACKAGE / "macro").rglob("*.py"))


def modules() -> dict[str, Path]:
    """All modules by name; a package goes by its `__init__`."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("asemacro", *path.relative_to(PACKAGE).with_suffix("").parts)
        names[".".join(parts).removesuffix(".__init__")] = path
    return names


MODULES = modules()


def known(name: str) -> str:
    """The module that a dotted name is in."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def imports(name: str) -> set[str]:
    """Modules of asemacro that a module imports anywhere in it, for type checking too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "asemacro":
            found |= {known(f"{node.module}.{alias.name}") for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {known(alias.name) for alias in node.names if alias.name.split(".")[0] == "asemacro"}
    return found


ARROWS = {name: imports(name) for name in MODULES if name != "asemacro"}


def reached(name: str) -> set[str]:
    """All modules that a module leads to, through others or not."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        for other in ARROWS.get(todo.pop(), set()) - seen:
            seen.add(other)
            todo.append(other)
    return seen


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else name


def test_nine_rooms_and_what_is_beside_them() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages == {*ROOMS, *BESIDE, "plot"}


@pytest.mark.parametrize("name", [name for name in ARROWS if room(name) in ROOMS or room(name) in BESIDE])
def test_imports_point_to_the_left(name: str) -> None:
    own = ROOMS.get(room(name), 0)
    others = {other for other in reached(name) if room(other) != room(name)}
    assert not {other for other in others if ROOMS.get(room(other), 0) > own}
    assert not {other for other in others if own and ROOMS.get(room(other), 0) == own}, "rooms side by side"


def test_no_module_leads_back_to_itself() -> None:
    assert not [name for name in ARROWS if name in reached(name)]


@pytest.mark.parametrize("path", LEARNER, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_learner_sees_only_arrays(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots = ("ase.", "pymatgen.", "asemacro.micro.", "asemacro.lattice.", "asemacro.observables.")
    assert not [module for module in imported if f"{module}.".startswith(roots)]


def test_import_is_light() -> None:
    code = (
        "import sys, asemacro, asemacro.cli.app; dir(asemacro);"
        "heavy = {'torch', 'torch_geometric', 'matplotlib', 'pymatgen', 'numba', 'ase'} & set(sys.modules);"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_files_stay_short() -> None:
    long = {name: n for name, path in MODULES.items() if (n := len(path.read_text().splitlines())) > 400}
    assert not long


MOST_LINES, MOST_PARAMETERS = 60, 10
LONG = {
    "phase_diagram": "the public function of the main job: all that a diagram can be asked for",
    "diffusion": "the public function of a verb, as `phase_diagram` is",
    "walk_on": "the loop of kinetic Monte Carlo: in four parts it ran at 0.76 of the speed with eight vacancies",
}


def functions(name: str) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(MODULES[name].read_text())) if isinstance(node, ast.FunctionDef)]


def lines_of(function: ast.FunctionDef) -> int:
    """Without the docstring."""
    first = function.body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if text else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def parameters_of(function: ast.FunctionDef) -> int:
    args = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
    return len([arg for arg in args if arg not in ("self", "cls")])


def is_verb(function: ast.FunctionDef) -> bool:
    """The options of a verb are its parameters."""
    return any(ast.unparse(decorator).startswith("app.command(") for decorator in function.decorator_list)


def test_functions_stay_short() -> None:
    long = {
        function.name
        for name in MODULES
        for function in functions(name)
        if (lines_of(function) > MOST_LINES or parameters_of(function) > MOST_PARAMETERS)
        and not (room(name) == "cli" and is_verb(function))
    }
    assert long == set(LONG)


ABILITIES = {
    ("asemacro.arguments.checks", "sysconf_names"): "of the operating system",
    ("asemacro.arguments.door", "arrays"): "ASE's Atoms, without importing ASE",
    ("asemacro.arguments.door", "site_properties"): "pymatgen's Structure, without importing pymatgen",
    ("asemacro.cli.app", "format_message"): "errors of click, of which typer may carry its own copy",
    ("asemacro.lattice.recognition.crystal", "cart_coords"): "pymatgen's Structure, without importing pymatgen",
    ("asemacro.lattice.recognition.crystal", "lattice"): "pymatgen's Structure, without importing pymatgen",
    ("asemacro.tasks.interrupts", "stops"): "of this thread",
    ("asemacro.tasks.threads", "depth"): "of this thread",
    ("asemacro.tasks.threads", "set_num_threads"): "torch, while another thread imports it",
}


def test_nothing_is_asked_what_it_can_do() -> None:
    """What is optional is written down with a default; only objects of other libraries are asked."""
    asked = {
        (name, str(node.args[1].value))
        for name in MODULES
        for node in ast.walk(ast.parse(MODULES[name].read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("hasattr", "getattr") and len(node.args) > 1
        if isinstance(node.args[1], ast.Constant)
    }
    assert asked == set(ABILITIES)


DOORS = [name for name, path in MODULES.items() if path.name == "__init__.py"]


@pytest.mark.parametrize("name", DOORS)
def test_doors_are_tables_of_contents(name: str) -> None:
    """A sentence, then one line for each name; completion shows them before any is imported; each is there."""
    door = importlib.import_module(name)
    sentence, _, page = door.__doc__.partition("\n")
    assert sentence.endswith(".")
    lines = re.findall(r"^ *(\w+) {2,}\S", page, re.M)
    assert sorted(lines) == sorted(door.__all__) == dir(door)
    assert not [line for line in lines if not hasattr(door, line)]
    # importing a module sets an attribute of its package: a function of that name would vanish
    folder = MODULES[name].parent
    assert not [line for line in lines if (folder / f"{line}.py").exists() or (folder / line).is_dir()]


def test_names_that_are_not_there_are_refused_as_ever() -> None:
    import asemacro

    with pytest.raises(AttributeError, match="module 'asemacro' has no attribute 'phase_diagrams'"):
        _ = asemacro.phase_diagrams  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        from asemacro.lattice import Latice  # type: ignore[attr-defined]  # noqa: F401


def test_the_first_page_goes_along_the_data_flow() -> None:
    import asemacro

    stations = re.findall(r"^(\w+), ", asemacro.__doc__ or "", re.M)
    assert stations == [name for name in ROOMS if name != "cli"]
    modules = listed("asemacro")
    for station, names in re.findall(r"^(\w+), .*\n((?: {4}.*\n)+)", asemacro.__doc__ or "", re.M):
        rooms = {modules[line.split()[0]].split(".")[1] for line in names.splitlines()}
        assert rooms - {"data", "field_data", "force_data"} == {station}
