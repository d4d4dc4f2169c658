"""Barrier models of vacancy jumps: pretrained, from a file, or analytic."""

from __future__ import annotations

from pathlib import Path

from asemacro.arguments.door import checked, path, text
from asemacro.barriers.base import BarrierModel

PRETRAINED = ("refractory", "refractory-direct", "nbmota", "cocrfeni")
"""Names of the models that come with the package."""
DIRECTORY = Path(__file__).parent / "pretrained"


def available() -> tuple[str, ...]:
    """Names of the pretrained models whose files are installed."""
    return tuple(name for name in PRETRAINED if (DIRECTORY / f"{name}.safetensors").is_file())


@checked(name=text)
def card(name: str) -> str:
    """What a pretrained model was made from, how well it does and how it was made (Markdown)."""
    if name not in available():
        raise ValueError(
            f"no pretrained barrier model is called {name!r}; there are {', '.join(available()) or 'none'}"
        )
    return (DIRECTORY / f"{name}.md").read_text(encoding="utf-8")


@checked(name_or_path=path)
def load_barriers(name_or_path: str | Path) -> BarrierModel:
    """A barrier model by name or from a file; the suffix says what the file is.

    Args:
        name_or_path: a pretrained model ("refractory", "refractory-direct", "nbmota"), a graph network
            (.safetensors), pair energies (.json) or the published NbMoTa network (.npz).

    Raises:
        ValueError: in one line, if there is no such name, or the file is missing, truncated, not such a
            model, or holds values that are not finite.
    """
    text = str(name_or_path)
    if text in PRETRAINED:
        path = DIRECTORY / f"{text}.safetensors"
        if not path.is_file():
            raise ValueError(f"the pretrained barrier model {text} is not installed ({path.name} is missing)")
        return _network(path)
    path = Path(name_or_path)
    names = ", ".join(available()) or "none"
    if path.is_dir():
        raise ValueError(
            f"cannot read the barrier model {path}: it is a folder; give the file in it, or one of {names}"
        )
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        what = f"{path} is no barrier model" if path.exists() else f"no barrier model is called {text!r}"
        raise ValueError(f"{what}; there are {names}; or give a file ({', '.join(_READERS)})")
    if not path.is_file():
        raise ValueError(f"cannot read the barrier model {path}: no such file")
    return _READERS[suffix](path)


def _pair(path: Path) -> BarrierModel:
    from asemacro.barriers.pair import PairBarrier

    return PairBarrier.from_json(path)


def _published(path: Path) -> BarrierModel:
    from asemacro.barriers.published import PublishedNetwork

    return PublishedNetwork.from_npz(path)


def _network(path: Path) -> BarrierModel:
    from asemacro.barriers.gnn.file import load_gnn

    return load_gnn(path)


_READERS = {".safetensors": _network, ".json": _pair, ".npz": _published}
