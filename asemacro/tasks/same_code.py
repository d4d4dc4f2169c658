"""Which code a process runs: results are the same to the last bit only where it is the same."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path

from asemacro.version import __version__

Code = dict[str, str]
PACKAGES = ("numpy", "scipy", "numba", "torch", "ase")


@functools.cache
def code_here() -> Code:
    """Versions of Python, asemacro and what it computes with, and a fingerprint of the files of asemacro."""
    found = {"python": ".".join(platform.python_version_tuple()[:2]), "asemacro": __version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "none"
    folder = Path(__file__).resolve().parent.parent
    text = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        text.update(path.relative_to(folder).as_posix().encode())
        text.update(path.read_bytes())
    found["files of asemacro"] = text.hexdigest()[:8]
    return found


def differences(here: Code, there: Code) -> str:
    """What another process has that differs, "numpy 2.1 (here 2.2)"; empty if nothing does."""
    names = [name for name in here if here[name] != there.get(name)]
    return ", ".join(f"{name} {there.get(name, 'none')} (here {here[name]})" for name in names)
