"""Structure files of every kind, read with every atom, element and occupancy that they list.

read_structure  the atoms of one frame of any structure file
read_frames     several frames of a file, each with its number and time
Frame           one structure of a file
Reading         how a file is to be read: its keywords
parse_index     which frames a text asks for
index_text      an index as users write it
cif_frames      the structures of a CIF
file_format     format of a file by its name or content
check_elements  elements of symbols
site_shares     fractions of the elements on a site
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.lattice.reading.cif_file import cif_frames as cif_frames
    from asemacro.lattice.reading.elements import check_elements as check_elements
    from asemacro.lattice.reading.occupancy import site_shares as site_shares
    from asemacro.lattice.reading.structure_file import Frame as Frame
    from asemacro.lattice.reading.structure_file import Reading as Reading
    from asemacro.lattice.reading.structure_file import index_text as index_text
    from asemacro.lattice.reading.structure_file import parse_index as parse_index
    from asemacro.lattice.reading.structure_file import read_frames as read_frames
    from asemacro.lattice.reading.structure_file import read_structure as read_structure
    from asemacro.lattice.reading.structure_text import file_format as file_format
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
