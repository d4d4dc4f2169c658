"""Block fields over time as pictures: some of them side by side, all of them as a movie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.studies.fields.figures import draw_snapshots
from asemacro.typing import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 6
_EDGE = 384  # pixels of a movie, at least, along the longer edge
_MOST_EDGE = 1024
_FRAME_MS = 80


def draw_frames(times: Floats, fields: NDArray[Any]) -> Figure:
    """Six of the fields (n, *grid), evenly over the time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = np.unique(np.linspace(0, len(times) - 1, _SHOWN).astype(int))
    figure = Figure(figsize=(8.4, 5.8), layout="constrained", dpi=130)
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3).ravel()
    draw_snapshots(list(axes[: len(chosen)]), fields[chosen], [f"time {times[k]:.4g}" for k in chosen])
    for ax in axes[len(chosen) :]:
        ax.set_visible(False)
    return figure


def write_movie(path: Path, fields: NDArray[Any]) -> None:
    """A GIF of fields (n, *grid), blue at -1 and red at 1; three axes are cut in the middle, chains are bars."""
    import matplotlib
    from PIL import Image

    colours = (255 * matplotlib.colormaps["coolwarm"](np.linspace(0, 1, 256))[:, :3]).astype(np.uint8)
    frames = []
    for field in fields:
        flat = field[len(field) // 2] if field.ndim == 3 else field
        flat = np.repeat(flat[None], max(1, len(flat) // 8), axis=0) if flat.ndim == 1 else flat
        level = np.rint((np.clip(flat, -1, 1) + 1) * 127.5).astype(np.uint8)
        zoom = max(1, -(-_EDGE // max(level.shape)))
        step = max(1, -(-max(level.shape) // _MOST_EDGE))
        picture = Image.fromarray(np.kron(level[::step, ::step], np.ones((zoom, zoom), np.uint8)), mode="P")
        picture.putpalette(colours.tobytes())
        frames.append(picture)
    frames[0].save(path, format="GIF", save_all=True, append_images=frames[1:], duration=_FRAME_MS, loop=0)
