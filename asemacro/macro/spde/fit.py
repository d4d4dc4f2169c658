"""fit_fields: kernel, mobility and entropy from field data, and whether the form of the equation holds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from asemacro.arguments.checks import choice_of, generator_of
from asemacro.arguments.door import (
    FIELD_DATA,
    above_zero,
    check_fields,
    checked,
    flag_or_report,
    instance,
    number,
    optional,
    whole,
)
from asemacro.fitted import Fitted
from asemacro.macro.spde.assumptions import Verdict, judged
from asemacro.macro.spde.block_kernel import SYMMETRIES, BlockKernel
from asemacro.macro.spde.cells import SOURCES, mobility_cells
from asemacro.macro.spde.drift_fit import DriftFit, chi2_of, fit_relaxation
from asemacro.macro.spde.entropy import MOST_TERMS, EntropySlope
from asemacro.macro.spde.fourier_fit import fit_linear_response
from asemacro.macro.spde.kernel_prior import KernelPrior, best_prior
from asemacro.macro.spde.mobility_fit import MobilityTable, fit_smooth, mobility_table
from asemacro.macro.spde.spde import RESPONSES, NeuralSPDE
from asemacro.macro.spde.window import Relaxation
from asemacro.macro.splits import held_out_rows
from asemacro.tasks.progress import part_of, reporting
from asemacro.tasks.threads import one_thread
from asemacro.typing import Report

if TYPE_CHECKING:
    from asemacro.field_data import FieldData

ROUTES = ("unbiased", "linear")
_MOST_REACH = 32
_ONE_ROUND = 2.0  # factor by which the rate may change in a round
_MOST_GONE = 0.9  # of the variance of independent spins, in the first guess of a rate
_ROUNDS = 3  # of the rate of attempts, or of kernel and mobility in turn
_FIRST_REACH = 3  # that is tried, and doubled as long as the longest is the best


@dataclasses.dataclass(frozen=True)
class FieldFitOptions:
    """Settings of `fit_fields`.

    Attributes:
        reach: longest lag of the kernel in blocks; default: the most probable one.
        symmetry: "square": J is the same when axes are swapped or turned round; "even": all lags for themselves.
        route: "unbiased": the kernel by Gauss-Newton on the exact relaxation of spins; "linear": by linear response in
            Fourier space, biased where fields are strong, for systems whose drift is no such relaxation.
        source: of the mobility, "flips" or "variance"; default flips if they were counted.
        entropy_terms: coefficients of s' that are fitted; with none it is atanh. With the unbiased route only.
        rate: attempts on a spin in a unit of time, which the change without any field is; None: that of the noise.
        response: of the model, see `NeuralSPDE`.
        validation: part of the groups that is held out and judges the fit.

    Raises:
        ValueError: a setting is out of range.
    """

    reach: int | None = None
    symmetry: str = "square"
    route: str = "unbiased"
    source: str | None = None
    entropy_terms: int = 0
    rate: float | None = 1.0
    response: str = "tanh"
    validation: float = 0.2

    def __post_init__(self) -> None:
        check_fields(self, reach=optional(whole(0, _MOST_REACH)), entropy_terms=whole(0, MOST_TERMS))
        check_fields(self, rate=optional(above_zero), validation=number(0, 0.9))
        for name, words in (("symmetry", SYMMETRIES), ("route", ROUTES), ("response", RESPONSES)):
            choice_of(getattr(self, name), name, words)
        if self.source is not None:
            choice_of(self.source, "source", SOURCES)
        if self.route == "linear" and self.entropy_terms:
            raise ValueError("the linear route takes s' as atanh; fit entropy_terms with the unbiased one")


@dataclasses.dataclass(frozen=True)
class FieldReport:
    """What `fit_fields` found.

    Attributes:
        rows: fitted, and held out.
        reach: longest lag.
        total: J0.
        total_error: its standard error.
        rate: attempts on a spin in a unit of time.
        chi2: mean squared residual of the changes held out over the variance of independent spins.
        chi2_error: its standard error.
        mobility_degree: of the polynomials in the mobility.
        mobility: T K over m with error bars, of the rows that were fitted.
        verdicts: the assumptions of the form, each with a line.
    """

    rows: tuple[int, int]
    reach: int
    total: float
    total_error: float
    rate: float
    chi2: float
    chi2_error: float
    mobility_degree: int
    mobility: MobilityTable
    verdicts: tuple[Verdict, ...]

    def lines(self) -> list[str]:
        """The report to be read."""
        rate = "" if self.rate == 1 else f", rate {self.rate:.4g}"
        return [
            f"kernel: lags up to {self.reach} blocks, J0 = {self.total:.4f} +- {self.total_error:.4f}{rate}",
            f"changes: {self.rows[0]} rows fitted, {self.rows[1]} held out, squared residuals "
            f"{self.chi2:.3f} +- {self.chi2_error:.3f} of the noise of independent spins",
            *(verdict.text for verdict in self.verdicts),
        ]


@checked(data=FIELD_DATA, options=instance("FieldFitOptions"), rng=generator_of, progress=flag_or_report)
@one_thread()
def fit_fields(
    data: FieldData,
    *,
    options: FieldFitOptions | None = None,
    rng: np.random.Generator,
    progress: bool | Report = False,
) -> Fitted[NeuralSPDE, FieldReport]:
    r"""A field equation from what block fields do in a short time.

    The kernel from the mean changes, the mobility from the flips (T K = 2 N / (V dt)) or from the scatter of the
    changes; then what the form presumes is tested on rows that were held out. Temperatures and fields of the rows may
    differ: J is one for all, the mobility depends on m, tanh u and, with several temperatures, on T.

    Args:
        data: field data, best of prepared states with waves of every length: those at rest hardly differ.
        options: settings.
        rng: random generator, which draws the rows that are held out.
        progress: True for a bar, or a function called as progress("fit fields", fraction, text).

    Returns:
        the model; `held_out` has the mean squared residuals, 1 for a perfect fit, of "drift" and of "mobility".

    Raises:
        ValueError: a grid too small for the reach, too few flips (how many more are needed), one row.
    """
    options = options or FieldFitOptions()
    source = options.source or ("variance" if data.flips is None else "flips")
    held = held_out_rows(data.group, options.validation, rng)
    seen, judge = data.take(~held), data.take(held) if held.any() else None
    with reporting(progress, {"fit fields": 1.0}) as report:
        drift = _drift(seen, source, options, part_of(report, "fit fields", 0.0, 0.8))
        relaxation = drift.relaxation
        cells = mobility_cells(seen, relaxation, source)
        others = None if judge is None else mobility_cells(judge, relaxation, source)
        mobility, mobility_chi2 = fit_smooth(cells, others)
        report("fit fields", 0.9, f"mobility of degree {mobility.degree}")
        tried = seen if judge is None else judge
        chi2, chi2_error = chi2_of(tried, relaxation)
        verdicts = judged(tried, relaxation, mobility, cells)
        report("fit fields", 1.0, f"J0 {relaxation.kernel.total:.4f}")
    model = NeuralSPDE(
        relaxation.kernel, mobility, relaxation.entropy, data.sites, data.block, response=options.response
    )
    found = FieldReport(
        rows=(len(seen), int(held.sum())),
        reach=relaxation.kernel.reach,
        total=relaxation.kernel.total,
        total_error=drift.total_error,
        rate=relaxation.rate,
        chi2=chi2,
        chi2_error=chi2_error,
        mobility_degree=mobility.degree,
        mobility=mobility_table(cells),
        verdicts=verdicts,
    )
    losses = {"drift": chi2, "mobility": mobility_chi2} if judge is not None else {}
    return Fitted(model, losses, found)


def _drift(data: FieldData, source: str, options: FieldFitOptions, progress: Report) -> DriftFit:
    """The relaxation, with its rate if that is asked for."""
    rate, fitted = options.rate or _rate_of_scatter(data), None
    rounds = _ROUNDS if options.rate is None else 1
    for _ in range(rounds):
        if options.route == "unbiased":
            fitted = _unbiased(data, options, rate, progress)
        else:
            fitted = _linear(data, source, options, rate)
        if options.rate is None:
            cells = mobility_cells(data, fitted.relaxation, source)
            seen = float((cells.weight * cells.value).sum() / (cells.weight * (1 - cells.m * cells.t)).sum())
            rate = float(np.clip(seen, rate / _ONE_ROUND, rate * _ONE_ROUND))
    assert fitted is not None
    return dataclasses.replace(fitted, relaxation=dataclasses.replace(fitted.relaxation, rate=rate))


def _rate_of_scatter(data: FieldData) -> float:
    """A first guess of the rate: changes but for what goes as m, (1 - m^2) (1 - exp(-2 rate dt)) / V in the square."""
    m = data.before.astype(float)
    changed = data.after - m
    rest = changed - m * (changed * m).sum() / max((m * m).sum(), 1e-300)
    gone = data.sites * (rest - rest.mean()).var() / max(float((1 - m * m).mean()), 1 / data.sites)
    return float(-np.log1p(-np.clip(gone, 1e-6, _MOST_GONE)) / (2 * data.duration.mean()))


def _unbiased(data: FieldData, options: FieldFitOptions, rate: float, progress: Report) -> DriftFit:
    """By Gauss-Newton, then again as smooth, and as short if no reach was given, as the data have it."""
    dim, most = data.before.ndim - 1, min(_MOST_REACH, (min(data.grid) - 1) // 2)

    def fit(reach: int, prior: KernelPrior | None = None) -> DriftFit:
        return fit_relaxation(
            data,
            reach,
            symmetry=options.symmetry,
            entropy_terms=options.entropy_terms,
            rate=rate,
            prior=prior,
            progress=progress,
        )

    reach = min(_FIRST_REACH, most) if options.reach is None else options.reach
    while True:
        found = fit(reach)
        reaches = range(reach + 1) if options.reach is None else None
        prior = best_prior(found.normal, found.solution, reach, dim, options.symmetry, reaches)
        if options.reach is not None or prior.reach < reach or reach == most:
            return fit(prior.reach, prior)
        reach = min(2 * reach, most)


def _linear(data: FieldData, source: str, options: FieldFitOptions, rate: float) -> DriftFit:
    """By linear response, in turn with the mobility that it needs."""
    dim = data.before.ndim - 1
    reach = options.reach if options.reach is not None else min(_MOST_REACH, (min(data.grid) - 1) // 2)
    kernel = BlockKernel(np.ones((1,) * dim))
    total_error = np.inf
    for _ in range(_ROUNDS):
        mobility, _chi2 = fit_smooth(mobility_cells(data, Relaxation(kernel, EntropySlope(), rate), source), None)
        kernel, total_error = fit_linear_response(data, mobility, reach, symmetry=options.symmetry, rate=rate)
    relaxation = Relaxation(kernel, EntropySlope(), rate)
    nothing, chi2 = np.zeros(0), chi2_of(data, relaxation)[0]
    return DriftFit(relaxation, nothing, total_error, chi2, _ROUNDS, np.diag(nothing), nothing)
