"""How strongly atoms scatter x-rays and neutrons, from the tables of pymatgen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asemacro.typing import Floats

RADIATIONS = ("xray", "neutron")
_MOTT_BETHE = 41.78214  # angstrom^2: from scattering of electrons to that of x-rays


def form_factors(species: Sequence[str], radiation: str, length: Floats) -> Floats:
    r"""(n, S) form factors of species at wave vectors of some lengths |k| = 4 pi sin(theta) / wavelength.

    X-rays, in electrons: f = Z - 41.78214 s^2 sum_i a_i exp(-b_i s^2) with s = |k| / (4 pi), Z at |k| = 0; without
    anomalous dispersion, neutral atoms. Neutrons, in fm: the bound coherent scattering length of the natural mixture of
    isotopes, the same for all |k|. Source: the tables of pymatgen's diffraction calculators (De Graef and McHenry,
    Structure of Materials, chapter 12; Neutron Data Booklet, 2nd ed.).

    Args:
        species: chemical symbols.
        radiation: "xray" or "neutron".
        length: (n,) |k| with the factor 2 pi, 1/angstrom.

    Raises:
        ValueError: the table has no such element.
    """
    if radiation == "neutron":
        from pymatgen.analysis.diffraction.neutron import ATOMIC_SCATTERING_LEN

        _need(species, ATOMIC_SCATTERING_LEN, "scattering length of neutrons")
        return np.tile([float(ATOMIC_SCATTERING_LEN[symbol]) for symbol in species], (len(length), 1))
    from ase.data import atomic_numbers
    from pymatgen.analysis.diffraction.xrd import ATOMIC_SCATTERING_PARAMS

    _need(species, ATOMIC_SCATTERING_PARAMS, "form factor of x-rays")
    square = (np.asarray(length, dtype=float) / (4 * np.pi)) ** 2
    columns = []
    for symbol in species:
        a, b = np.array(ATOMIC_SCATTERING_PARAMS[symbol]).T
        electrons = (a * np.exp(-b * square[:, None])).sum(axis=1)
        columns.append(atomic_numbers[symbol] - _MOTT_BETHE * square * electrons)
    return np.stack(columns, axis=1)


def _need(species: Sequence[str], table: object, what: str) -> None:
    lacking = [symbol for symbol in species if symbol not in table]  # type: ignore[operator]
    if lacking:
        raise ValueError(f"pymatgen's table has no {what} for {', '.join(lacking)}; take the other radiation")
