"""Barriers by any calculator of ASE: bands of single jumps, and the database that keeps them.

Jump             an atom that jumps into the vacancy of a cell
Band             what was computed of a jump: energies along the path, both barriers
BandSettings     how bands are computed
compute_band     the band of a jump by a calculator
relaxed_lattice  the lattice parameter of an alloy by a calculator
LabelDatabase    a file of bands, written one by one
read_labels      the barriers of such a file
Label            one of them
import_bands     bands that were computed elsewhere
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.barriers.labelling.bands import Band as Band
    from asemacro.barriers.labelling.bands import BandSettings as BandSettings
    from asemacro.barriers.labelling.bands import Jump as Jump
    from asemacro.barriers.labelling.database import Label as Label
    from asemacro.barriers.labelling.database import LabelDatabase as LabelDatabase
    from asemacro.barriers.labelling.database import read_labels as read_labels
    from asemacro.barriers.labelling.elsewhere import import_bands as import_bands
    from asemacro.barriers.labelling.neb import compute_band as compute_band
    from asemacro.barriers.labelling.parameter import relaxed_lattice as relaxed_lattice
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
