"""The lattice that a real crystal stands on: strained, rattled, with atoms missing, in whatever cell.

recognise      the lattice under the atoms of a crystal
read_state     which species stands on each site
read_crystal   sites of an Atoms or a Structure
nearest_sites  the site nearest to a position
name_crystal   the ideal crystal and its name
check_cell     refuse cells that no crystal has
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.lattice.recognition.atoms_to_grid import read_state as read_state
    from asemacro.lattice.recognition.atoms_to_grid import recognise as recognise
    from asemacro.lattice.recognition.crystal import read_crystal as read_crystal
    from asemacro.lattice.recognition.placement import nearest_sites as nearest_sites
    from asemacro.lattice.recognition.possible import check_cell as check_cell
    from asemacro.lattice.recognition.symmetry import name_crystal as name_crystal
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
