"""Equilibrium order at temperatures that no simulation brought to equilibrium."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asemacro.tasks.threads import one_thread
from asemacro.typing import Floats

LEAST_REACHED = 3  # temperatures in equilibrium that an extrapolation needs


@one_thread()
def quasi_chemical(
    temperatures_K: Floats, delta: Floats, error: Floats, reached: NDArray[np.bool_], random: Floats, neighbours: int
) -> tuple[Floats, Floats]:
    r"""Order over temperature by ln(p_ij / Z c_j) = a/T + b/T^2, fitted where equilibrium was reached.

    In the quasi-chemical approximation the probability of a pair goes as exp(-energy / kT), and at infinite
    temperature the alloy is random; the second coefficient takes up what that leaves out. The stationary mean of a
    learned SDE has no such anchor where its data are far from equilibrium.
    Source of the approximation: Guggenheim, Proc. R. Soc. A 148, 304 (1935).

    Args:
        temperatures_K: (n,).
        delta: (n, d) p_ij - Z c_j of the unlike pairs.
        error: (n, d) standard errors.
        reached: (n,) temperatures to fit to, at least LEAST_REACHED.
        random: (d,) Z c_j.
        neighbours: Z, the most that p_ij can be.

    Returns:
        (n, d) order and its error at all temperatures: that of the fit, its scatter, and half the difference from
        the fit with a alone; at most Z / sqrt(12), that of knowing only that p_ij lies between 0 and Z.

    Raises:
        ValueError: too few temperatures reached equilibrium.
    """
    if reached.sum() < LEAST_REACHED:
        raise ValueError(f"{int(reached.sum())} temperatures in equilibrium are too few, {LEAST_REACHED} are needed")
    inverse = 1e3 / temperatures_K
    powers = np.stack([inverse, inverse**2], axis=1)
    values, errors = np.empty_like(delta), np.empty_like(delta)
    for k in range(delta.shape[1]):
        p = (random[k] + delta[:, k]).clip(1e-3 * random[k], neighbours)
        sigma = error[reached, k] / p[reached]
        target = np.log(p[reached] / random[k])
        fits, spreads = [], []
        for degree in (1, 2):
            rows = powers[reached, :degree] / sigma[:, None]
            inverse_normal = np.linalg.inv(rows.T @ rows)
            coefficients = inverse_normal @ rows.T @ (target / sigma)
            freedom = max(len(target) - degree, 1)
            scatter = max(1.0, float(((rows @ coefficients - target / sigma) ** 2).sum() / freedom))
            fits.append(powers[:, :degree] @ coefficients)
            covariance = scatter * inverse_normal
            spreads.append(np.sqrt(np.einsum("ni,ij,nj->n", powers[:, :degree], covariance, powers[:, :degree])))
        probability = (random[k] * np.exp(fits[1])).clip(0, neighbours)
        values[:, k] = probability - random[k]
        # half of what lies between one standard error up and one down: a small p is not a sure one
        error_of_fit = probability * np.sinh(np.hypot(spreads[1], 0.5 * (fits[1] - fits[0])).clip(max=10.0))
        errors[:, k] = np.minimum(error_of_fit, neighbours / np.sqrt(12))
    return values, errors
