"""D0 and Q of a diffusion coefficient that is known at several temperatures."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from ase.units import kB
from numpy.typing import ArrayLike

CURVED = 3.0  # chi^2 per degree of freedom above which a straight line does not describe the values


@dataclasses.dataclass(frozen=True)
class Arrhenius:
    """D = D0 exp(-Q / kT).

    Attributes:
        D0_m2_s: prefactor.
        D0_factor: it is known within this factor up and down, one standard error of ln D0.
        Q_eV: activation energy.
        Q_err_eV: its standard error.
        chi2: per degree of freedom; nan of two temperatures. Above 1 the errors are enlarged by its root.
    """

    D0_m2_s: float
    D0_factor: float
    Q_eV: float
    Q_err_eV: float
    chi2: float

    @property
    def curved(self) -> bool:
        """Whether the values do not lie on one straight line."""
        return self.chi2 > CURVED


def arrhenius_fit(temperatures_K: ArrayLike, values: ArrayLike, errors: ArrayLike) -> Arrhenius | None:
    """Weighted least squares of ln D over 1/kT; None from fewer than two temperatures with a value above zero.

    Args:
        temperatures_K: (n,).
        values: (n,) D in m^2/s.
        errors: (n,) their standard errors.
    """
    kelvin, d, error = (np.asarray(a, dtype=float) for a in (temperatures_K, values, errors))
    usable = (d > 0) & np.isfinite(d) & np.isfinite(error) & (error > 0)
    if usable.sum() < 2:
        return None
    beta, log_d, relative = 1 / (kB * kelvin[usable]), np.log(d[usable]), error[usable] / d[usable]
    centre = np.average(beta, weights=relative**-2)
    design = np.column_stack([np.ones(len(beta)), -(beta - centre)]) / relative[:, None]
    covariance = np.linalg.inv(design.T @ design)
    at_centre, q = covariance @ design.T @ (log_d / relative)
    residual = log_d / relative - design @ np.array([at_centre, q])
    freedom = len(beta) - 2
    chi2 = float(residual @ residual / freedom) if freedom else math.nan
    covariance = covariance * max(1.0, chi2 if freedom else 1.0)
    log_d0 = at_centre + q * centre
    log_err = math.sqrt(covariance[0, 0] + centre**2 * covariance[1, 1] + 2 * centre * covariance[0, 1])
    return Arrhenius(float(np.exp(log_d0)), math.exp(log_err), float(q), math.sqrt(covariance[1, 1]), chi2)
