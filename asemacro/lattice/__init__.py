"""Where states live: lattices as ASE Atoms, their neighbour shells, and what structure files hold.

Lattice             a crystal as unit cell x grid, from a prototype's name or from atoms
Grid                its fields, without what is computed from them
Shell               one shell of neighbours as offsets
read_structure      the atoms of one frame of any structure file
read_frames         several frames of a file, each with its number and time
sublattice_of       a structure of which one sublattice is meant
random_spins        states of spins with an exact magnetisation
spins_at            independent spins of given local magnetisations
spins_to_atoms      spins as pseudo-atoms of ASE
spins_from_atoms    spins from pseudo-atoms
random_vectors      states of unit vectors of a given mean
vectors_to_atoms    unit vectors as pseudo-atoms
vectors_from_atoms  unit vectors from pseudo-atoms
fields_to_atoms     fields as pseudo-atoms with an array for each field
fields_from_atoms   fields from pseudo-atoms
Frame               one structure of a file
Reading             how a file is to be read: its keywords
random_windows      compact patches of an exact number of sites
PROTOTYPES          lattices that have a name
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.lattice.fields import fields_from_atoms as fields_from_atoms
    from asemacro.lattice.fields import fields_to_atoms as fields_to_atoms
    from asemacro.lattice.grid import Grid as Grid
    from asemacro.lattice.lattice import Lattice as Lattice
    from asemacro.lattice.patches import random_windows as random_windows
    from asemacro.lattice.prototypes import PROTOTYPES as PROTOTYPES
    from asemacro.lattice.reading.structure_file import Frame as Frame
    from asemacro.lattice.reading.structure_file import Reading as Reading
    from asemacro.lattice.reading.structure_file import read_frames as read_frames
    from asemacro.lattice.reading.structure_file import read_structure as read_structure
    from asemacro.lattice.recognition.sublattice import sublattice_of as sublattice_of
    from asemacro.lattice.shells import Shell as Shell
    from asemacro.lattice.spins import random_spins as random_spins
    from asemacro.lattice.spins import spins_at as spins_at
    from asemacro.lattice.spins import spins_from_atoms as spins_from_atoms
    from asemacro.lattice.spins import spins_to_atoms as spins_to_atoms
    from asemacro.lattice.vector_spins import random_vectors as random_vectors
    from asemacro.lattice.vector_spins import vectors_from_atoms as vectors_from_atoms
    from asemacro.lattice.vector_spins import vectors_to_atoms as vectors_to_atoms
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
