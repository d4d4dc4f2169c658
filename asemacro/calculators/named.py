"""One way to name a calculator of ASE: a word, a word with a file, or a function of the user that makes one."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np

from asemacro.arguments.checks import shown
from asemacro.calculators.foreign import called, imported
from asemacro.files.content import file_digest
from asemacro.files.reading import plain

CALCULATORS = ("emt", "lj", "eam:FILE", "lammps:FILE", "chgnet")
ARGON = {"sigma": 3.405, "epsilon": 0.0103, "rc": 8.5}  # angstrom and eV
Source = str | Callable[[], Any]
say = logging.getLogger("asemacro")
_made: dict[Source, Any] = {}


def calculator_named(name: str, symbols: Collection[str], *, option: str = "--calculator") -> Any:
    """A calculator of ASE.

    Args:
        name: "emt"; "lj", which is argon; "eam:FILE", any file that `ase.calculators.eam.EAM` reads; "lammps:FILE",
            lines of LAMMPS (`lammps_file`); "chgnet", if it is installed; or "MODULE:FACTORY", a function without
            arguments.
        symbols: the elements that it shall know.
        option: what messages name.

    Raises:
        ValueError: one line that names the option.
    """
    word, _, file = name.partition(":")
    if name == "emt":
        from ase.calculators.emt import EMT

        return EMT()
    if name == "lj":
        from ase.calculators.lj import LennardJones

        if set(symbols) != {"Ar"}:
            raise ValueError(f"{option} lj is argon; for other atoms give {', '.join(CALCULATORS[2:])}, MODULE:FACTORY")
        return LennardJones(**ARGON)
    if name == "chgnet":
        return _chgnet(option)
    if word == "eam" and file:
        return _eam(file, symbols, f"{option} {name}")
    if word == "lammps" and file:
        from asemacro.calculators.lammps_file import lammps_calculator

        return lammps_calculator(file, symbols, f"{option} {name}")
    return called(imported(name, option, CALCULATORS), f"{option} {name}")


def calculator_of(source: Source, symbols: Collection[str], *, option: str = "--calculator") -> Any:
    """A calculator by its word or from a factory, made once in each process and then handed out again.

    Raises:
        ValueError: one line; see `calculator_named`, or the factory fails or gives no calculator.
    """
    if source not in _made:
        if isinstance(source, str):
            made = calculator_named(source, symbols, option=option)
        else:
            made = called(source, f"the factory {identity_of(source)['calculator']}")
        if not callable(vars(type(made)).get("get_property") or _inherited(made, "get_property")):
            raise ValueError(f"{identity_of(source)['calculator']} gives {shown(made)}, not a calculator of ASE")
        _made[source] = made
    return _made[source]


def identity_of(source: Source) -> dict[str, str]:
    """What is written down of a calculator so that two can be told apart: its name, and the digest of its file.

    Raises:
        ValueError: one line; the file cannot be read.
    """
    if not isinstance(source, str):
        return {"calculator": f"{source.__module__}:{source.__qualname__}"}
    word, _, file = source.partition(":")
    if word not in ("eam", "lammps"):
        return {"calculator": source}
    try:
        return {"calculator": f"{word}:{Path(file).name}", "file_sha256": file_digest(file)}
    except OSError as error:
        raise ValueError(f"--calculator {source}: cannot read {file}: {plain(error)}") from None


def _inherited(made: Any, name: str) -> Any:
    """A method of one of the classes of an object."""
    return next((vars(kind)[name] for kind in type(made).__mro__ if name in vars(kind)), None)


def _eam(file: str, symbols: Collection[str], option: str) -> Any:
    """An EAM potential of a file.

    Raises:
        ValueError: no such file, not a potential, or elements that it does not hold.
    """
    from ase.calculators.eam import EAM

    if not Path(file).is_file():
        raise ValueError(f"{option}: no such file {file}")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        made = called(lambda: EAM(potential=file), option)
    if not all(np.isfinite(table).all() for table in (made.embedded_data, made.density_data, made.rphi_data)):
        raise ValueError(f"{option}: the file holds numbers that are not finite")
    lacking = sorted(set(symbols) - set(made.elements))
    if lacking:
        raise ValueError(f"{option}: the file has no {', '.join(lacking)}, only {', '.join(made.elements)}")
    return made


def _chgnet(option: str) -> Any:
    """CHGNet with the weights of its package; says what is known of it.

    Raises:
        ValueError: it is not installed.
    """
    try:
        dynamics = importlib.import_module("chgnet.model.dynamics")
    except Exception as error:  # whatever its imports do
        raise ValueError(f"{option} chgnet: CHGNet is not here ({plain(error)}); pip install chgnet") from None
    say.warning(
        "chgnet is known to be too soft: its migration barriers in Ta and Mo are 0.5 to 0.65 of those of "
        "first-principles calculations (and npj Comput. Mater. 2025, s41524-024-01500-6); scale them before use"
    )
    return called(lambda: dynamics.CHGNetCalculator(use_device="cpu", verbose=False), f"{option} chgnet")
