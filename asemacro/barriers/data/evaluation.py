"""Errors of barrier models on barrier data; cross-validation by composition against the ridge yardstick.

asemacro barriers cross-validate ../shared/data/dft_vacancy_barriers_bcc.npz -o docs/barriers-cv.csv
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.compiled import UNCERTAIN_EV
from asemacro.barriers.data.barrier_file import read_barriers
from asemacro.barriers.data.ensemble import calibration, spread_of
from asemacro.barriers.data.ridge import Ridge
from asemacro.barriers.data.table import BarrierData
from asemacro.barriers.data.training import MEMBERS, WIDTHS, epochs_of, fit_gnn
from asemacro.barriers.gnn.model import BarrierGNN, Form
from asemacro.files.store import write_csv, write_whole
from asemacro.tasks.progress import part_of, silent
from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats, Report


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
        mae_eV, rmse_eV, bias_eV, n, dropped (failed barriers left out), the first four again in per_composition (by the
        label of the cell) and per_species (by the species of the jumping atom), and calibration, see
        `ensemble.calibration`.

    Raises:
        ValueError: the model is not a graph network, or the data hold a species it does not know.
    """
    if not isinstance(model, BarrierGNN):
        raise ValueError(f"barrier model {model.name} is not a graph network: only those are evaluated on data files")
    assert model.species is not None
    return summary(model, *predictions(model, data_path))


def predictions(model: BarrierGNN, data_path: str | Path) -> tuple[BarrierData, Floats, Floats]:
    """The data, in the species of a network, with its barriers and their spread over its members, (n, Z) eV.

    Both are nan where the data have no barrier.
    """
    data = read_barriers(data_path, model.jumps).relabel(model.species)
    known = data.known()
    return data, model.predict(data.around, only=known), spread_of(model, data.around, known)


def summary(model: BarrierGNN, data: BarrierData, predicted: Floats, spread: Floats) -> dict[str, Any]:
    """What `evaluate_barriers` gives."""
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
        "calibration": calibration(predicted, spread, data.barrier),
    }


def write_evaluation(model: BarrierGNN, data_path: str | Path, out_path: str | Path) -> dict[str, Any]:
    """What `evaluate_barriers` gives, and its figure: calculated against predicted barriers, errors against spread.

    The numbers go to a CSV file of the same name beside the figure, a row for each barrier.
    """
    from matplotlib.figure import Figure

    from asemacro.plot.barriers import calibrated, parity

    data, predicted, spread = predictions(model, data_path)
    result = summary(model, data, predicted, spread)
    rows = np.argwhere(data.known())
    symbols = [data.species[data.jumping[i, j] - 1] for i, j in rows]
    of_species = {}
    for symbol in dict.fromkeys(symbols):
        here = tuple(rows[[s == symbol for s in symbols]].T)
        of_species[symbol] = (data.barrier[here].astype(float), predicted[here])
    found = result["calibration"]
    figure = Figure(figsize=(4.2 if found is None else 8.4, 4.0), layout="constrained", dpi=130)
    axes = figure.subplots(1, 1 if found is None else 2, squeeze=False)[0]
    parity(axes[0], of_species)
    if found is not None:
        calibrated(axes[1], found["groups"], found["factor"])
    out = Path(out_path)
    write_csv(
        out.with_suffix(".csv"),
        ["cell", "species", "calculated_eV", "predicted_eV", "spread_eV"],
        [
            [data.names[data.cell[i]], symbol, data.barrier[i, j], predicted[i, j], spread[i, j]]
            for (i, j), symbol in zip(rows, symbols, strict=True)
        ],
    )
    write_whole(out, figure.savefig)
    return result


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
    for fold, (names, held, model, ridge) in enumerate(
        _of_folds(data, form, members=members, epochs=epochs, n_folds=n_folds, seed=seed, **settings)
    ):
        predicted = model.predict(held.around, only=held.known())
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


@one_thread()
def held_out(
    data: BarrierData,
    form: Form,
    *,
    members: int,
    epochs: int | None = None,
    weight_decay: float | None = None,
    n_folds: int = 5,
    seed: int = 0,
    progress: Report = silent,
) -> dict[str, Any]:
    """Errors on cells that were not trained on, all folds together, of an ensemble as `train_barriers` makes it.

    Returns:
        mae_eV, rmse_eV, bias_eV, n, ridge_mae_eV (of the ridge regression), folds, calibration (as of `ensemble`).
    """
    wanted, predicted, spread, line = ([] for _ in range(4))
    for fold, (_, held, model, ridge) in enumerate(
        _of_folds(
            data,
            form,
            members=members,
            epochs=epochs,
            weight_decay=weight_decay,
            n_folds=n_folds,
            seed=seed,
            progress=part_of(progress, "folds", tasks=n_folds),
        )
    ):
        wanted.append(held.barrier)
        predicted.append(model.predict(held.around, only=held.known()))
        spread.append(spread_of(model, held.around, held.known()))
        line.append(ridge)
        progress("folds", (fold + 1) / n_folds, f"fold {fold + 1} of {n_folds}")
    known, found = np.concatenate(wanted), np.concatenate(predicted)
    return {
        **errors(found, known),
        "ridge_mae_eV": errors(np.concatenate(line), known)["mae_eV"],
        "folds": n_folds,
        "calibration": calibration(found, np.concatenate(spread), known),
    }


def _of_folds(
    data: BarrierData,
    form: Form,
    *,
    members: int | None,
    n_folds: int,
    seed: int,
    epochs: int | None = None,
    weight_decay: float | None = None,
    progress: Report = silent,
    **settings: Any,
) -> Iterator[tuple[tuple[str, ...], BarrierData, BarrierGNN, Floats]]:
    """For each fold: names of the cells that are held out, their data, a network trained on the rest, its yardstick."""
    for fold, (names, train, test) in enumerate(data.folds(n_folds, seed=seed)):
        known, held = data.take(train), data.take(test)
        model = BarrierGNN(
            data.species, form, members=members or MEMBERS[form], jumps=data.jumps, **{**WIDTHS[form], **settings}
        )
        told = partial(_renamed, progress, f"fold {fold}")
        passes = epochs or epochs_of(form, known)
        fit_gnn(model, known.around, known.barrier, epochs=passes, weight_decay=weight_decay, seed=seed, progress=told)
        yield names, held, model, Ridge.fit(known).predict(held)


def _renamed(progress: Report, name: str, task: str, fraction: float, text: str) -> None:
    progress(name, fraction, text)


def reverse_differences(data: BarrierData, barrier: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, Z) barrier - barrier of the exact reverse jump = E_f - E_i, eV; nan where there is none."""
    flat = np.append(barrier.reshape(-1).astype(np.float64), np.nan)
    return (flat[:-1] - flat[data.reverse.reshape(-1)]).reshape(barrier.shape)


def write_cross_validation(
    data_path: str | Path, out_path: str | Path, forms: Sequence[Form] = ("direct", "consistent"), *, seed: int = 0
) -> None:
    """Cross-validate forms with the settings of `train_barriers`, print their errors, write one row a cell and form."""
    data = read_barriers(data_path)
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
    found = result["calibration"]
    if found is not None:
        print(
            f"spread of the members: RMS error = {found['factor']:.2g} x spread, rank correlation "
            f"{found['rank_correlation']:.2f}, {100 * found['share_uncertain']:.0f} % of the barriers spread by more "
            f"than {UNCERTAIN_EV:g} eV"
        )
