"""Calls of the public names of statistics and critical."""

from __future__ import annotations

import numpy as np

import asemacro as am
from calls.given import Call, a_z, rng


def calls() -> dict[str, Call]:
    from asemacro.labels.transitions import pair_time_needed
    from asemacro.statistics import averages as analysis
    from asemacro.statistics import discrepancy
    from asemacro.studies.critical import collapse, criticality

    runs, m = a_z(64, 1).reshape(4, 16, 1), np.tanh(a_z(64, 1)).reshape(4, 16)
    orders = [criticality.order_parameter(m * s, 16 * s, rng=rng(), n_bootstrap=5) for s in (1, 2, 3)]
    same = [criticality.order_parameter(m * s, 16, rng=rng(), n_bootstrap=5) for s in (1.0, 0.9, 0.8)]
    slopes = [criticality.BinderSlope(float(k), 0.1 * k, 0.01, 0.5, np.full(5, 0.1 * k)) for k in (1, 2)]
    t = np.linspace(0, 1, 8)
    curves = [collapse.Curve(float(s), t, np.exp(-t * s), np.full(8, 0.1)) for s in (2, 3)]
    start = {"critical_temperature": 0.5, "nu": 1.0, "exponent": 0.0}
    return {
        "autocorrelation_time": Call(analysis.autocorrelation_time, {"series": m, "window": 6.0}),
        "stationary_average": Call(am.stationary_average, {"z": runs, "discard": 0.5}),
        "mean_errors": Call(
            analysis.mean_errors,
            {"model": runs, "reference": runs + 1, "times": np.arange(16.0), "split": 5.0},
        ),
        "mmd": Call(discrepancy.mmd, {"x": runs[0], "y": runs[1], "sigmas": (1.0, 2.0)}),
        "compare_by_mmd": Call(
            discrepancy.compare_by_mmd,
            {"model": runs, "reference": runs, "sigmas": (1.0, 2.0), "permutations": 3, "rng": rng()},
        ),
        "time_averaged_mmd": Call(
            discrepancy.time_averaged_mmd, {"model": runs, "reference": runs, "sigmas": (1.0, 2.0)}
        ),
        "halves_floor": Call(
            discrepancy.halves_floor, {"reference": runs, "sigmas": (1.0, 2.0), "splits": 3, "rng": rng()}
        ),
        "whiten": Call(discrepancy.whiten, {"model": runs, "reference": runs}),
        "susceptibility": Call(criticality.susceptibility, {"m": m, "sites": 16}),
        "binder_cumulant": Call(criticality.binder_cumulant, {"m": m}),
        "order_parameter": Call(
            criticality.order_parameter, {"m": m, "sites": 16, "size": 4.0, "n_bootstrap": 5, "rng": rng()}
        ),
        "power_law": Call(
            criticality.power_law,
            {"sizes": [1.0, 2.0], "values": [1.0, 2.0], "replicas": np.abs(a_z(5, 2)) + 0.1},
        ),
        "critical_exponents": Call(criticality.critical_exponents, {"orders": orders}),
        "binder_slope": Call(
            criticality.binder_slope, {"temperatures": [1.0, 2.0, 3.0], "orders": same, "at": 2.0, "degree": 1}
        ),
        "correlation_length_exponent": Call(criticality.correlation_length_exponent, {"slopes": slopes}),
        "Curve": Call(
            collapse.Curve, {"size": 2.0, "temperatures": t, "values": t, "errors": np.full(8, 0.1)}
        ),
        "scaled": Call(collapse.scaled, {"curve": curves[0], **start}),
        "collapse_residual": Call(collapse.collapse_residual, {"curves": curves, **start, "overlap": 0.5}),
        "optimise_collapse": Call(
            collapse.optimise_collapse,
            {"curves": curves, "start": start, "vary": ("nu",), "n_bootstrap": 0, "rng": rng()},
        ),
        "pair_time_needed": Call(
            pair_time_needed, {"n_patches": 2.0, "sigma": [1.0, 2.0], "drift_error": 0.1}
        ),
    }  # fmt: skip
