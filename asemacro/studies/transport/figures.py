"""The figure of a diffusion study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from asemacro.plot.short_range_order import color_of, marker_of, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from asemacro.studies.transport.tables import Tables
    from asemacro.typing import Floats

LINES = ("-", "--", ":", "-.", (0, (3, 1, 1, 1)), (0, (1, 3)))


def draw(found: Tables) -> Axes:
    """Diffusion coefficients over 10^4 / T with their Arrhenius lines, and correlation factors over T."""
    figure, (left, right) = new_figure(11.0, 5.0, columns=2, share=False)
    kelvin = np.array([at.temperature_K for at in found.at])
    order = [*range(1, len(found.species)), 0]
    for kind in order:
        for c, component in enumerate(found.at[0].components):
            name = "vacancy" if kind == 0 else found.species[kind]
            style = {"color": "0.35" if kind == 0 else color_of(kind - 1), "marker": "v" if kind == 0 else marker_of(c)}
            scale = np.array([found.scale(at, kind) if found.scaled else 1.0 for at in found.at])
            values = scale * np.array([at.tracer.value[kind, c] for at in found.at])
            errors = scale * np.array([at.tracer.error[kind, c] for at in found.at])
            shown = values > 0
            label = f"{name} {component}".strip()
            fit = found.arrhenius(kind, c, thermal=found.scaled)
            if fit is not None:
                label += f": Q = {fit.Q_eV:.2f} $\\pm$ {max(fit.Q_err_eV, 0.01):.2f} eV"
                left.plot(1e4 / kelvin, _line(found, kind, c, kelvin), ls=LINES[c], color=style["color"], lw=1.0)
            left.errorbar(
                1e4 / kelvin[shown], values[shown], errors[shown], ls="", capsize=2, ms=5, label=label, **style
            )
            factor = [at.factor for at in found.at]
            f, f_err = (np.array([getattr(one, name)[kind, c] for one in factor]) for name in ("value", "error"))
            right.errorbar(kelvin, f, f_err, ls=LINES[c], lw=0.8, capsize=2, ms=5, **style)
    left.set_yscale("log")
    left.set_xlabel(r"$10^4\,/\,T$ (K$^{-1}$)")
    left.set_ylabel("diffusion coefficient (m$^2$/s)")
    above = left.secondary_xaxis("top", functions=(_inverse, _inverse))
    above.set_xticks(kelvin if len(kelvin) < 8 else kelvin[:: len(kelvin) // 5])
    above.set_xlabel("temperature (K)")
    right.set_xlabel("temperature (K)")
    right.set_ylabel("correlation factor $f$")
    right.set_ylim(bottom=0)
    right.axhline(1.0, color="0.7", lw=0.8, zorder=0)
    figure.legend(loc="outside right center", frameon=False)
    figure.suptitle(_caption(found), fontsize=10)
    return left


def _line(found: Tables, kind: int, component: int, kelvin: Floats) -> Floats:
    from ase.units import kB

    fit = found.arrhenius(kind, component, thermal=found.scaled)
    assert fit is not None
    line: Floats = fit.D0_m2_s * np.exp(-fit.Q_eV / (kB * kelvin))
    return line


def _inverse(x: Floats) -> Floats:
    return 1e4 / np.maximum(x, 1e-9)


def _caption(found: Tables) -> str:
    fractions = " ".join(f"{name}$_{{{share:.3g}}}$" for name, share in found.box.composition.items())
    energy = found.thermal.formation_energy_eV
    if energy is None:
        vacancies = f"vacancies {found.at[0].concentration:.3g} per site"
    else:
        vacancies = f"thermal vacancies, $E_f$ = {energy:g} eV"
    at = found.at[0]
    runs = f"{at.runs} runs of {found.box.n_sites} sites"
    return f"{fractions}, {found.box.prototype}, {found.barriers}; {vacancies}; {runs}"
