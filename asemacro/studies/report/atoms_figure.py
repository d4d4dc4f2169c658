"""States in three dimensions: atoms by element, spins and fields by value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ase import Atoms
    from plotly.graph_objects import Figure

MOST_SITES = 20_000
"""Sites of a state that are drawn; a browser turns as many smoothly."""
MOST_IN_ALL = 60_000
"""Sites of all states of one figure together."""


def draw_atoms(frames: Sequence[Atoms]) -> tuple[Figure, str]:
    """States that a menu chooses between, and a sentence on what is shown of them.

    Of more than MOST_SITES sites a block in a corner of the cell is drawn: every site of a part, rather than some sites
    everywhere, because what is to be seen is which are neighbours.

    Args:
        frames: with `temperature_K`, `time_s` or `time` in `info`; vacancies are X.
    """
    import plotly.graph_objects as go

    sizes = [min(len(atoms), MOST_SITES) for atoms in frames]
    chosen = list(range(len(frames))) if sum(sizes) <= MOST_IN_ALL else [len(frames) // 2]
    drawn, owners = go.Figure(), []
    for number in chosen:
        traces = _traces(corner(frames[number], MOST_SITES))
        drawn.add_traces(traces)
        owners += [number] * len(traces)
    shown = chosen[len(chosen) // 2]
    for trace, owner in zip(drawn.data, owners, strict=True):
        trace.visible = owner == shown
    if len(chosen) > 1:
        buttons = [
            {"label": _when(frames[n]), "method": "update", "args": [{"visible": [owner == n for owner in owners]}]}
            for n in chosen
        ]
        menu = {
            "buttons": buttons,
            "active": chosen.index(shown),
            "x": 0,
            "xanchor": "left",
            "y": 1.1,
            "yanchor": "top",
        }
        drawn.update_layout(updatemenus=[menu])
    axis = {"visible": False}
    flat = np.ptp(frames[shown].positions, axis=0).min() < 1e-9
    above = {"eye": {"x": 0, "y": 0, "z": 1.6}, "up": {"x": 0, "y": 1, "z": 0}, "projection": {"type": "orthographic"}}
    camera = above if flat else None
    scene = {"xaxis": axis, "yaxis": axis, "zaxis": axis, "aspectmode": "data", "camera": camera}
    drawn.update_layout(
        scene=scene, height=560, margin={"t": 40, "l": 0, "r": 0, "b": 0}, legend={"itemsizing": "constant"}
    )
    return drawn, _said(frames, chosen)


def corner(atoms: Atoms, most: int) -> Atoms:
    """The block in a corner of the cell that holds no more than `most` sites; all atoms if they are no more."""
    if len(atoms) <= most:
        return atoms
    fractions = atoms.get_scaled_positions(wrap=True)
    axes = np.ptp(atoms.positions, axis=0) > 1e-9
    reach = np.where(axes[None, :], fractions, 0.0).max(axis=1)
    last = np.sort(reach)[most]
    return atoms[reach < last - 1e-6]


def _traces(atoms: Atoms) -> list[Any]:
    import plotly.graph_objects as go

    size = float(np.clip(75 / max(len(atoms), 1) ** (1 / 3), 2.0, 14.0))
    values = _values(atoms)
    box = _box(atoms)
    if values is not None:
        name, numbers = values
        marker = {"size": size, "color": numbers, "colorscale": "RdBu", "colorbar": {"title": {"text": name}}}
        hover = name + " %{marker.color:.3g}<extra></extra>"
        points = _points(go, atoms, np.ones(len(atoms), bool), name, marker, hover)
        points.showlegend = False  # the colour bar says it
        return [points, box]
    return [*(_element(go, atoms, symbol, size) for symbol in sorted(set(atoms.symbols))), box]


def _element(go: Any, atoms: Atoms, symbol: str, size: float) -> Any:
    from ase.data import atomic_numbers
    from ase.data.colors import jmol_colors

    where = np.array(atoms.symbols) == symbol
    name = "vacancy" if symbol == "X" else symbol
    red, green, blue = (int(255 * part) for part in jmol_colors[atomic_numbers[symbol]])
    marker: dict[str, Any] = {
        "size": size,
        "color": f"rgb({red},{green},{blue})",
        "line": {"width": 0.5, "color": "#555"},
    }
    if symbol == "X":
        marker = {"size": 1.3 * size, "color": "black", "symbol": "diamond"}
    return _points(go, atoms, where, f"{name} ({int(where.sum())})", marker, f"{name}<extra></extra>")


def _points(go: Any, atoms: Atoms, where: NDArray[np.bool_], name: str, marker: Any, hover: str) -> Any:
    x, y, z = atoms.positions[where].astype(np.float32).T
    return go.Scatter3d(x=x, y=y, z=z, mode="markers", name=name, marker=marker, hovertemplate=hover)


def _values(atoms: Atoms) -> tuple[str, NDArray[np.float64]] | None:
    """What pseudo-atoms X carry: the z component of their magnetic moment, or their first field; None of real atoms."""
    if set(atoms.symbols) != {"X"}:
        return None
    if atoms.has("initial_magmoms"):
        moments = atoms.get_initial_magnetic_moments()
        return ("spin", moments) if moments.ndim == 1 else ("spin along z", moments[:, 2])
    fields = [name for name, array in atoms.arrays.items() if array.dtype.kind == "f" and array.ndim == 1]
    return (f"field {fields[0]}", atoms.arrays[fields[0]]) if fields else None


def _box(atoms: Atoms) -> Any:
    """The edges of the cell; of a state in a plane those in the plane."""
    import plotly.graph_objects as go

    extended = np.ptp(atoms.get_scaled_positions(wrap=False), axis=0) > 1e-9
    a, b, c = atoms.cell.array * extended[:, None]
    corners = [i * a + j * b + k * c for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    pairs = [(p, q) for p in range(8) for q in range(p + 1, 8) if (p ^ q).bit_count() == 1]
    points = np.array([end for p, q in pairs for end in (corners[p], corners[q], np.full(3, np.nan))])
    x, y, z = points.T
    line = {"color": "#999999", "width": 2}
    return go.Scatter3d(x=x, y=y, z=z, mode="lines", line=line, hoverinfo="skip", showlegend=False, name="cell")


def _when(atoms: Atoms) -> str:
    """Temperature and time of a state, as far as they are known."""
    info = atoms.info
    units = (("temperature_K", "{:g} K"), ("time_s", "{:.3g} s"), ("time", "time {:.4g}"))
    return ", ".join(how.format(float(info[name])) for name, how in units if name in info)


def _said(frames: Sequence[Atoms], chosen: Sequence[int]) -> str:
    sites = len(frames[chosen[0]])
    cut = len(corner(frames[chosen[0]], MOST_SITES))
    when = _when(frames[chosen[0]]) if len(chosen) == 1 else ""
    said = [f"{sites:,} sites{f' at {when}' if when else ''}."]
    if cut < sites:
        said.append(f"Shown are the {cut:,} of them in one corner of the cell.")
    if len(chosen) < len(frames):
        said.append(f"Of {len(frames)} states one is shown; the file final.extxyz has all.")
    return " ".join(said)
