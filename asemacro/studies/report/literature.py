"""What the results of a run should cite."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from asemacro.arguments.door import checked, path
from asemacro.studies.report.results import Results
from asemacro.version import __version__

FILE = Path(__file__).with_name("references.bib")
OF_BARRIERS = {
    "nbmota": ("nnk", "pyg"),
    "published NbMoTa network": ("nnk",),
    "refractory": ("nnkdata", "pyg"),
    "refractory-direct": ("nnkdata", "pyg"),
    "cocrfeni": ("meam", "lammps", "pyg"),
}
"""Where barrier models come from, by their name: data, and what trained them."""
OF_CALCULATORS = {"lammps": ("lammps",), "chgnet": ("chgnet",)}
METHODS = {"ode.safetensors": "partial", "spde.safetensors": "onsagerflow"}
"""Of equations without noise, learned from forces on a few carriers, and of block fields; all others: scalable."""
_ENTRY = re.compile(r"^@\w+\{(\w+),\n.*?^\}$", re.M | re.S)


def entries() -> dict[str, str]:
    """All BibTeX entries by key."""
    text = FILE.read_text(encoding="utf-8").replace("VERSION", __version__)
    return {match[1]: match[0] for match in _ENTRY.finditer(text)}


@checked(folder=path)
def citations(folder: str | Path | None = None) -> str:
    """What to cite, as BibTeX: the method's paper, the data behind the barrier model, the libraries that were used.

    Of barrier models that do not come with the package only the libraries are known: cite where its energies or its
    training data come from, too.

    Args:
        folder: of a finished run, whose run.json is read; None gives all that any run may have to cite.

    Raises:
        FileNotFoundError: no such folder.
        ValueError: one line; it holds no finished run.
    """
    known = entries()
    keys = list(known) if folder is None else keys_of(Results.read(folder))
    return "\n\n".join(known[key] for key in keys)


def keys_of(results: Results) -> list[str]:
    """Keys of what a run should cite, in the order of the list."""
    verb, arguments = results.verb, results.arguments
    used = {"asemacro", "ase", "numba"}
    if verb in ("phase-diagram", "learn"):
        used |= {"torch", _method(results.names)}
    if verb == "barriers learn":
        used |= {"torch", "pyg"}
    model = results.record.get("barriers", arguments.get("barriers"))
    used |= set(OF_BARRIERS.get(str(model), ()))
    calculator = str(arguments.get("calculator", "")).partition(":")[0]
    used |= set(OF_CALCULATORS.get(calculator, ()))
    return [key for key in entries() if key in used]


def _method(names: Collection[str]) -> str:
    """Key of the paper that a learned equation follows, by the file that holds it."""
    return next((METHODS[name] for name in METHODS if name in names), "scalable")
