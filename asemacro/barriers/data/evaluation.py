"""Errors of barrier models on barrier data; cross-validation by composition against the ridge yardstick.

asemacro barriers cross-validate ../shared/data/dft_vacancy_barriers_bcc.npz -o docs/barriers-cv.csv
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.data.ridge import Ridge
from asemacro.barriers.data.table import BarrierData, load_barrier_data
from asemacro.barriers.data.training import EPOCHS, MEMBERS, WIDTHS, fit_gnn
from asemacro.barriers.gnn.model import BarrierGNN, Form
from asemacro.files.store import write_csv
from asemacro.tasks.threads import one_thread


def errors(predicted: NDArray[np.floating], wanted: NDArray[np.floating]) -> dict[str, float]:
    """mae_eV, rmse_eV, bias_eV (predicted - wanted) and n of the values that are wanted (not nan)."""
    miss = (predicted - wanted)[np.isfinite(wanted)].astype(np.float64)
    if not len(miss):
        return {"mae_eV": np.nan, "rmse_eV": np.nan, "bias_eV": np.nan, "n": 0}
    return {
        "mae_eV": float(np.abs(miss).mean()),
        "rmse_eV": float(np.sqrt((miss**2).mean())),
        "bias_eV": float(miss.mean()),
        "n": len(miss),
    }


@one_thread()
def evaluate_barriers(model: BarrierGNN, data_path: str | Path) -> dict[str, Any]:
    """Errors of a network on a data set.

    Returns:
        mae_eV, rmse_eV, bias_eV, n, dropped (failed barriers left out), and the first four again in per_composition (by
        the label of the cell) and per_species (by the species of the jumping atom).

    Raises:
        ValueError: the model is not a graph network, or the data hold a species it does not know.
    """
    if not isinstance(model, BarrierGNN):
        raise ValueError(f"barrier model {model.name} is not a graph network: only those are evaluated on data files")
    assert model.species is not None
    data = load_barrier_data(data_path, model.jumps).relabel(model.species)
    predicted = model.predict(data.around)
    jumping = data.jumping
    return {
        "model": model.name,
        **errors(predicted, data.barrier),
        "dropped": data.dropped,
        "per_composition": {
            name: errors(predicted[data.cell == i], data.barrier[data.cell == i]) for i, name in enumerate(data.names)
        },
        "per_species": {
            s: errors(predicted[jumping == i], data.barrier[jumping == i]) for i, s in enumerate(data.species, start=1)
        },
    }


@one_thread()
def cross_validate(
    data: BarrierData,
    form: Form,
    *,
    members: int | None = None,
    epochs: int | None = None,
    n_folds: int = 5,
    seed: int = 0,
    report: Any = sys.stdout,
    **settings: Any,
) -> list[dict[str, Any]]:
    """Errors on cells whose composition was not in the training data, of the network and of the ridge regression.

    Args:
        data: all cells.
        form: "direct" or "consistent".
        members: networks averaged, default that of `train_barriers`.
        epochs: passes over the data, default that of `train_barriers`.
        n_folds: number of parts of the compositions; one is held out at a time.
        seed: of the folds and the networks.
        report: text stream for the folds and their errors, or None.
        **settings: width, hidden, energy_width of `BarrierGNN`.

    Returns:
        One row a cell: fold, cell, n, mae_eV, rmse_eV, bias_eV and ridge_mae_eV; with detailed results for dE of the
        two-way bonds: dE_mae_eV and its number dE_n.
    """
    rows = []
    for fold, (names, train, test) in enumerate(data.folds(n_folds, seed=seed)):
        known, held = data.take(train), data.take(test)
        model = BarrierGNN(
            data.species, form, members=members or MEMBERS[form], jumps=data.jumps, **{**WIDTHS[form], **settings}
        )
        fit_gnn(model, known.around, known.barrier, epochs=epochs or EPOCHS[form], seed=seed)
        predicted = model.predict(held.around)
        ridge = Ridge.fit(known).predict(held)
        change, wanted = reverse_differences(held, predicted), reverse_differences(held, held.barrier)
        for i in np.unique(held.cell):
            here = held.cell == i
            row = {"fold": fold, "cell": data.names[i], **errors(predicted[here], held.barrier[here])}
            row["ridge_mae_eV"] = errors(ridge[here], held.barrier[here])["mae_eV"]
            two_way = errors(change[here], wanted[here])
            rows.append(row | {"dE_mae_eV": two_way["mae_eV"], "dE_n": two_way["n"] // 2})
        if report is not None:
            gnn, line = errors(predicted, held.barrier)["mae_eV"], errors(ridge, held.barrier)["mae_eV"]
            text = f"fold {fold} ({', '.join(names)}): {gnn:.4f} eV, ridge {line:.4f} eV"
            print(text, file=report, flush=True)
    return rows


def reverse_differences(data: BarrierData, barrier: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, Z) barrier - barrier of the exact reverse jump = E_f - E_i, eV; nan where there is none."""
    flat = np.append(barrier.reshape(-1).astype(np.float64), np.nan)
    return (flat[:-1] - flat[data.reverse.reshape(-1)]).reshape(barrier.shape)


def write_cross_validation(
    data_path: str | Path, out_path: str | Path, forms: Sequence[Form] = ("direct", "consistent"), *, seed: int = 0
) -> None:
    """Cross-validate forms with the settings of `train_barriers`, print their errors, write one row a cell and form."""
    data = load_barrier_data(data_path)
    print(f"{data.known().sum()} barriers, {data.dropped} failed ones dropped")
    table: list[list[Any]] = []
    for form in forms:
        rows = cross_validate(data, form, seed=seed)
        weights = [r["n"] for r in rows]
        gnn, ridge = (np.average([r[k] for r in rows], weights=weights) for k in ("mae_eV", "ridge_mae_eV"))
        print(f"{form}: MAE {gnn:.4f} eV, ridge {ridge:.4f} eV, ratio {gnn / ridge:.3f}", flush=True)
        table += [[form, *r.values()] for r in rows]
        write_csv(out_path, ["form", *rows[0]], table)


def print_errors(result: dict[str, Any]) -> None:
    """A table of what `evaluate_barriers` gives: all, then each composition and each species."""
    columns = ("mae_eV", "rmse_eV", "bias_eV", "n")
    print(f"{'':<16} {'mae_eV':>9} {'rmse_eV':>9} {'bias_eV':>9} {'n':>7}")
    groups = {"all": result, **result["per_composition"], **result["per_species"]}
    for name, group in groups.items():
        mae, rmse, bias, n = (group[column] for column in columns)
        print(f"{name:<16} {mae:>9.4f} {rmse:>9.4f} {bias:>9.4f} {n:>7d}")
