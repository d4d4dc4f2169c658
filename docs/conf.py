"""The built site: `pip install -e '.[docs]' && sphinx-build -W docs docs/_build`.

Pages are the Markdown files as they stand; the reference is made from docstrings. Links to ASE, numpy and torch are
looked up on the net; without one (`ASEMACRO_DOCS_OFFLINE=1`) they are left as plain names.
"""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import asemacro  # noqa: E402
from asemacro.version import __version__  # noqa: E402

project, author, version = "asemacro", "the asemacro developers", __version__
copyright = author
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "**/.ipynb_checkpoints"]
html_theme, html_title = "furo", "asemacro"
myst_heading_anchors = 3

# notebooks: kept without outputs, run when the site is built (ASEMACRO_DOCS_RUN=off leaves them as they are)
nb_execution_mode = os.environ.get("ASEMACRO_DOCS_RUN", "auto")
nb_execution_timeout = 300
nb_execution_raise_on_error = True

# reference: one page a public name, from its docstring
autosummary_generate = True
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_use_ivar = True
intersphinx_timeout = 10
intersphinx_mapping = (
    {}
    if os.environ.get("ASEMACRO_DOCS_OFFLINE")
    else {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "ase": ("https://ase-lib.org", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }
)


def plain_docstrings(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text with `code`: signs that mean something in reStructuredText stand for themselves."""
    if any("``" in line for line in lines):  # of another library, and reStructuredText already
        return
    for number, line in enumerate(lines):
        parts = re.split(r"(`[^`]+`)", line)
        lines[number] = "".join(
            f"`{part}`" if part.startswith("`") else re.sub(r"([*|\\])|(?<=\w)(_)(?!\w)", r"\\\1\2", part)
            for part in parts
        )


def setup(app: Any) -> None:
    """Before napoleon, which reads the sections of Google style."""
    app.connect("autodoc-process-docstring", plain_docstrings, priority=100)


def reference() -> str:
    """The page of the reference: every public name by its package, as `help(asemacro)` lists them."""
    lines = ["# Reference", "", "All names that `import asemacro` gives, by package, in the order of the data flow."]
    for line in (asemacro.__doc__ or "").splitlines()[4:]:
        station, _, what = line.partition(", ")
        if line.startswith("    "):
            lines.append(f"   asemacro.{line.split()[0]}")
        elif what:
            lines += [f"## {station}: {what}", "", "```{eval-rst}", ".. autosummary::", "   :toctree: api", ""]
        elif not line and lines[-1].startswith("   asemacro."):
            lines += ["```", ""]
    if lines[-1].startswith("   asemacro."):
        lines.append("```")
    return "\n".join(lines) + "\n"


def made_for_the_site() -> None:
    """The reference, and copies of the notebooks and of the pages that lie beside docs/."""
    made = ROOT / "docs" / "site"
    (made / "notebooks").mkdir(parents=True, exist_ok=True)
    (made / "reference.md").write_text(reference(), encoding="utf-8")
    for path in (ROOT / "examples" / "notebooks").glob("*.ipynb"):
        shutil.copyfile(path, made / "notebooks" / path.name)


made_for_the_site()
