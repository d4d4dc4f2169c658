"""What the members of an ensemble say one by one, and whether their spread tells the error.

Members differ where the labels leave them free, so their spread is large where a barrier is uncertain. It is usually
too small: all members share the form of the network and its data. The factor RMS(error) / RMS(spread) on barriers that
were not trained on makes one an error bar of the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from asemacro.barriers.compiled import UNCERTAIN_EV
from asemacro.barriers.gnn.model import BarrierGNN, Surroundings
from asemacro.typing import Floats

GROUPS = 5


def spread_of(model: BarrierGNN, around: Surroundings, only: NDArray[np.bool_] | None = None) -> Floats:
    """(n, Z) standard deviation of the barriers of single members in eV, in the order of the graph; nan of one member.

    That of vacant targets is nan, as is that of jumps that are not asked for; arguments as of `BarrierGNN.predict`.
    """
    values = model.predict(around, only=only, members=True)
    if len(values) < 2:
        return np.full(values.shape[1:], np.nan)
    finite = np.isfinite(values).all(axis=0)
    return np.where(finite, np.where(finite, values, 0).std(axis=0, ddof=1), np.nan)


def calibration(predicted: NDArray[np.floating], spread: Floats, wanted: NDArray[np.floating]) -> dict[str, Any] | None:
    """How the spread of the members compares with the errors, on barriers with a known value.

    Args:
        predicted: (n, Z) eV.
        spread: (n, Z) of the members.
        wanted: (n, Z) eV, nan where unknown.

    Returns:
        factor (RMS error over RMS spread), rank_correlation (Spearman, of spread and error), share_uncertain (of
        barriers whose spread exceeds 0.1 eV), and groups of equal size by their spread: for each spread_eV and
        rms_error_eV, both root mean squares. None if there is no spread, or there are fewer than 10 barriers.
    """
    from scipy.stats import spearmanr

    known = np.isfinite(wanted) & np.isfinite(spread)
    s, miss = spread[known], np.abs(predicted - wanted)[known].astype(np.float64)
    if len(s) < 2 * GROUPS or not s.any():
        return None
    parts = np.array_split(np.argsort(s, kind="stable"), GROUPS)
    return {
        "factor": float(_rms(miss) / _rms(s)),
        "rank_correlation": float(spearmanr(s, miss).statistic) if np.ptp(s) > 0 and np.ptp(miss) > 0 else 0.0,
        "share_uncertain": float((s > UNCERTAIN_EV).mean()),
        "groups": [{"spread_eV": _rms(s[rows]), "rms_error_eV": _rms(miss[rows])} for rows in parts],
    }


def _rms(values: Floats) -> float:
    return float(np.sqrt((values**2).mean()))
