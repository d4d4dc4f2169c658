"""What a closed loop gives: the network, its rounds as a table and a figure, its card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asemacro.barriers.data.table import BarrierData
from asemacro.barriers.gnn.model import BarrierGNN
from asemacro.files.store import write_csv
from asemacro.studies.labelling.order import Order
from asemacro.tasks.publication import publish
from asemacro.typing import Floats

if TYPE_CHECKING:
    from asemacro.tasks.publication import Files


@dataclasses.dataclass(frozen=True)
class Round:
    """One round of a closed loop.

    Attributes:
        number: from 0.
        labels: jumps asked for so far, failed ones included.
        new: those of this round.
        failed: bands that failed, of all.
        mae_eV: mean absolute error of the network of the round before on the new jumps, which it had not seen; nan in
            the first round.
        rmse_eV: root mean square of it.
        spread_eV: RMS spread of the members of that network on the new jumps, for which they were chosen.
        share_uncertain: of the jumps out of visited states those that the present members spread over by more than
            0.1 eV.
        visited_spread_eV: RMS spread of the present members on these jumps.
        temperatures_K: (n_T,).
        pairs: (D,) labels of delta.
        order: at equilibrium, by the present network.
        moved: (n_T, D) how far delta is from that of the round before; nan in the first round.
    """

    number: int
    labels: int
    new: int
    failed: int
    mae_eV: float
    rmse_eV: float
    spread_eV: float
    share_uncertain: float
    visited_spread_eV: float
    temperatures_K: tuple[float, ...]
    pairs: tuple[str, ...]
    order: Order
    moved: Floats

    def line(self, budget: int, then: str) -> str:
        """The round in one line.

        Args:
            budget: of jumps.
            then: what follows.
        """
        parts = [f"round {self.number}: {self.labels} of {budget} jumps labelled, {self.failed} failed"]
        if np.isfinite(self.mae_eV):
            parts.append(f"MAE of the {self.new} new ones before they were trained on {self.mae_eV:.3f} eV")
        parts.append(f"{100 * self.share_uncertain:.0f} % of the visited jumps uncertain by more than 0.1 eV")
        parts.append(self._order_in_words())
        return f"{'; '.join(parts)}; {then}"

    def _order_in_words(self) -> str:
        """The element of the order that is least settled."""
        bar = self.order.bar
        off = [f"{k:g}" for k, well in zip(self.temperatures_K, self.order.settled, strict=True) if not well]
        not_at = f"no equilibrium reached at {', '.join(off)} K" if off else ""
        if not np.isfinite(bar).any():
            return not_at
        moved = np.where(np.isfinite(self.moved), self.moved, 0.0)
        worst = moved / np.maximum(bar, np.finfo(float).tiny) if moved.any() else bar
        t, pair = np.unravel_index(int(np.nanargmax(worst)), bar.shape)
        text = f"delta of {self.pairs[pair]} at {self.temperatures_K[t]:g} K is {self.order.delta[t, pair]:+.3f}"
        text += f" +- {bar[t, pair]:.3f}" + (f", moved by {moved[t, pair]:.3f}" if moved.any() else "")
        return f"{text}; {not_at}" if off else text

    def row(self) -> dict[str, Any]:
        """Of rounds.csv; nan is left empty."""
        names = (
            "number",
            "labels",
            "new",
            "failed",
            "mae_eV",
            "rmse_eV",
            "spread_eV",
            "share_uncertain",
            "visited_spread_eV",
        )
        row = {{"number": "round"}.get(name, name): getattr(self, name) for name in names}
        for t, kelvin in enumerate(self.temperatures_K):
            for d, pair in enumerate(self.pairs):
                values = {
                    "delta": self.order.delta[t, d],
                    "delta_err": self.order.sampling[t, d],
                    "delta_err_barrier": self.order.members[t, d],
                }
                row |= {f"{name}_{pair}_{kelvin:g}K": value for name, value in values.items()}
            row[f"equilibrium_{kelvin:g}K"] = bool(self.order.settled[t])
        return {name: "" if isinstance(value, float) and np.isnan(value) else value for name, value in row.items()}


@dataclasses.dataclass(frozen=True)
class LearnedBarriers:
    """What a closed loop gives.

    Attributes:
        model: the network of the last round.
        data: what it was trained on.
        rounds: all of them.
        stopped: why the loop ended.
        labels: the database.
    """

    model: BarrierGNN
    data: BarrierData
    rounds: tuple[Round, ...]
    stopped: str
    labels: Path

    @property
    def about(self) -> dict[str, Any]:
        """What is said of the run in run.json."""
        last = self.rounds[-1]
        return {
            "stopped": self.stopped,
            "rounds": len(self.rounds),
            "labels": last.labels,
            "failed": last.failed,
            "share_uncertain": last.share_uncertain,
        }

    def card(self) -> str:
        """The card of the network in Markdown."""
        from asemacro.barriers.data.card import card_of

        measured = [r for r in self.rounds if np.isfinite(r.mae_eV)]
        lines = [f"- Labels chosen in {len(self.rounds)} rounds of a closed loop, which ended because {self.stopped}."]
        if measured:
            last = measured[-1]
            lines.append(
                f"- Error of the network of the round before on the {last.new} jumps of the last round, which it had "
                f"not seen and which were chosen because it was uncertain there: MAE {last.mae_eV:.4f} eV, RMS "
                f"{last.rmse_eV:.4f} eV; its spread there was {last.spread_eV:.4f} eV."
            )
        lines.append(
            f"- Of the jumps out of states that kinetic Monte Carlo visits at "
            f"{', '.join(f'{t:g}' for t in self.rounds[-1].temperatures_K)} K, "
            f"{100 * self.rounds[-1].share_uncertain:.0f} % are uncertain by more than 0.1 eV."
        )
        return card_of(self.model, self.data, verb="learn", errors=lines)

    def plot(self) -> Any:
        """Error and order over the number of labels, in two panels; returns the Axes of the first."""
        from asemacro.plot.barriers import errors_over_labels, order_over_labels
        from asemacro.plot.short_range_order import new_figure

        figure, axes = new_figure(9.0, 4.0, columns=2, share=False)
        labels = np.array([r.labels for r in self.rounds])
        errors_over_labels(
            axes[0],
            labels,
            {
                "mean absolute error": np.array([r.mae_eV for r in self.rounds]),
                "RMS error": np.array([r.rmse_eV for r in self.rounds]),
                "RMS spread of the members": np.array([r.spread_eV for r in self.rounds]),
            },
        )
        delta, bar = (np.array([getattr(r.order, name) for r in self.rounds]) for name in ("delta", "bar"))
        pair = int(np.abs(delta[-1]).max(axis=0).argmax())
        first = self.rounds[0]
        order_over_labels(axes[1], labels, first.temperatures_K, delta[:, :, pair], bar[:, :, pair], first.pairs[pair])
        figure.canvas.draw()
        return axes[0]

    def save(self, directory: str | Path) -> list[Path]:
        """Write model.safetensors, model.md, rounds.csv and learning.png, together or not at all."""
        return publish(directory, self.files())

    def files(self) -> Files:
        """What `save` writes, by name."""
        from asemacro.barriers.gnn.file import save_gnn

        rows = [r.row() for r in self.rounds]
        card, figure = self.card(), self.plot().figure
        return {
            "model.safetensors": lambda path: save_gnn(self.model, path),
            "model.md": lambda path: path.write_text(card, encoding="utf-8"),
            "rounds.csv": lambda path: write_csv(path, list(rows[0]), [list(row.values()) for row in rows]),
            "learning.png": figure.savefig,
        }
