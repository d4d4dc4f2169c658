"""Doors of packages: a name is imported when it is first used, so that importing a package costs nothing.

A package lists its names once, where type checkers see them too:

    if TYPE_CHECKING:
        from asemacro.lattice.lattice import Lattice as Lattice
    else:
        __getattr__, __dir__, __all__ = lazily(__name__)
"""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable
from typing import Any


def lazily(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What a package of listed names needs: `__getattr__`, `__dir__` and `__all__`.

    Args:
        package: its `__name__`; names that it held in the last version are found too, with a warning.
    """
    modules = listed(package)

    def get(name: str) -> Any:
        if name in modules:
            return getattr(importlib.import_module(modules[name]), name)
        if name.startswith("__"):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from asemacro.renamed import old_attribute

        return old_attribute(package, name)

    return get, lambda: sorted(modules), sorted(modules)


def listed(package: str) -> dict[str, str]:
    """The names that a package imports for type checkers, each with its module."""
    loader: Any = sys.modules[package].__spec__.loader  # type: ignore[union-attr]
    return {
        alias.name: str(node.module)
        for block in ast.parse(loader.get_source(package)).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
