"""The symmetry operations of a CIF: listed, of a magnetic file, or those that the name of its space group means."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from asemacro.typing import Floats

if TYPE_CHECKING:
    from ase.io.cif import CIFBlock
    from ase.spacegroup import Spacegroup

FITS = 0.02  # operations keep the metric of the cell to this fraction
_LISTED = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz", "_space_group_symop_magn_operation_xyz")
_NAMES = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m")
_RHOMBOHEDRAL = {146, 148, 155, 160, 161, 166, 167}
_TWO_ORIGINS = {
    48, 50, 59, 68, 70, 85, 86, 88, 125, 126, 129, 130, 133, 134, 137, 138, 141, 142, 201, 203, 222, 224, 227, 228,
}  # fmt: skip
Operations = tuple[NDArray[np.int64], Floats]
log = logging.getLogger("asemacro")


def column(block: CIFBlock, tag: str) -> list[Any] | None:
    """The values of a tag, one for each row of its loop; None if the block lacks it."""
    value = block.get(tag)
    return value if value is None or isinstance(value, list) else [value]


def operations(block: CIFBlock, text: str, cell: Floats) -> Operations:
    """(n, 3, 3) rotations and (n, 3) translations in fractions of the cell.

    Listed operations are taken as they are. Where there is only a name, its setting (":R", ":H", ":1", ":2") is heeded,
    and of the two settings of a rhombohedral group the one that fits the cell is taken.

    Raises:
        Exception: what ASE says of a space group that neither it nor pymatgen knows.
    """
    magnetic = column(block, "_space_group_symop_magn_operation_xyz")
    if magnetic is not None:
        return _magnetic(magnetic, column(block, "_space_group_symop_magn_centering_xyz") or ["x,y,z,+1"])
    if any(block.get(tag) for tag in _LISTED):
        found = _of(block.get_spacegroup(True))
    else:
        try:
            found = _named(block, cell)
        except Exception as error:  # a space group that ASE does not know
            found = _of_pymatgen(block.name, text, error)
    if not _fit(found[0], cell):
        log.warning(
            "the cell does not have the symmetry of the space group that the file names; it is read all the same"
        )
    return found


def _of(group: Spacegroup) -> Operations:
    pairs = group.get_symop()
    return np.array([rotation for rotation, _ in pairs]), np.array([translation for _, translation in pairs])


def _magnetic(lines: Sequence[object], centres: Sequence[object]) -> Operations:
    """Operations of a magnetic space group without the reversal of time."""
    from ase.spacegroup.spacegroup import parse_sitesym

    def plain(of: Sequence[object]) -> tuple[Any, Any]:
        return parse_sitesym([",".join(str(line).split(",")[:3]) for line in of])

    rotations, translations = plain(lines)
    shifts = plain(centres)[1]
    return np.tile(rotations, (len(shifts), 1, 1)), np.array([t + c for c in shifts for t in translations])


def _named(block: CIFBlock, cell: Floats) -> Operations:
    """Operations that the name or number of the space group stands for."""
    from ase.spacegroup import Spacegroup

    name = next((str(block.get(tag)) for tag in _NAMES if block.get(tag)), "")
    base, _, setting = (part.strip() for part in name.partition(":"))
    second = setting.upper() in ("R", "2")
    try:
        group = block.get_spacegroup(True)
    except Exception:
        if not setting:
            raise
        group = Spacegroup(base, 2 if second else 1)
    if second and group.setting == 1 and group.no in _RHOMBOHEDRAL | _TWO_ORIGINS:
        group = Spacegroup(group.no, 2)
    found = _of(group)
    if group.no in _RHOMBOHEDRAL and not _fit(found[0], cell):
        other = _of(Spacegroup(group.no, 3 - group.setting))
        if _fit(other[0], cell):
            axes = "rhombohedral" if group.setting == 1 else "hexagonal"
            log.info("space group %s in %s axes, which the cell has", re.sub(r"\s+", " ", group.symbol), axes)
            return other
    return found


def _fit(rotations: NDArray[np.int64], cell: Floats) -> bool:
    """Whether the rotations keep all lengths and angles of the cell."""
    metric = cell @ cell.T
    turned = np.einsum("oji,jk,okl->oil", rotations, metric, rotations)
    return bool(np.abs(turned - metric).max() < 2 * FITS * metric.max())


def _of_pymatgen(name: str, text: str, error: Exception) -> Operations:
    """Operations by pymatgen, which knows other names of space groups; the error if it does not."""
    from pymatgen.io.cif import CifFile, CifParser

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = CifFile.from_str(text).data.get(name)
        found = CifParser.from_str(text, check_cif=False).get_symops(data) if data is not None else []
    if not found or any("Defaulting to P1" in str(w.message) for w in caught):
        raise error
    log.info("ASE does not know the space group (%s), the operations are those of pymatgen", str(error).strip())
    rotations = np.array([np.rint(operation.rotation_matrix) for operation in found], dtype=np.int64)
    return rotations, np.array([operation.translation_vector for operation in found])


def compare_with_pymatgen(block: CIFBlock, text: str, sites: int, atoms: float) -> None:
    """Say if pymatgen makes another structure of a file whose space group has several settings and only a name.

    Where the operations are listed, or the name stands for one set of them, both readers do the same.
    """
    if any(block.get(tag) for tag in _LISTED):
        return
    try:
        number = int(block.get_spacegroup(True).no)
    except Exception:
        number = min(_RHOMBOHEDRAL)  # a name with its setting: pymatgen may know it or not
    if not (2 < number < 75 or number in _RHOMBOHEDRAL | _TWO_ORIGINS):
        return
    from pymatgen.io.cif import CifParser

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parser = CifParser.from_str(text, occupancy_tolerance=1e6, check_cif=False)
            other = parser.parse_structures(primitive=False, check_occu=False)[0]
        except Exception:  # it cannot read the file at all
            return
    there = sum(site.species.num_atoms for site in other)
    if len(other) != sites or abs(there - atoms) > 1e-2 * atoms:
        log.warning(
            "the file names its space group without the operations. Number of sites read: %d, of atoms: %g; "
            "by pymatgen: %d and %g. List the operations in the file to be sure",
            sites, atoms, len(other), there,
        )  # fmt: skip
