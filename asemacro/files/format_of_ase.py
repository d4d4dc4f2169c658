"""What ASE is told of the format `asemacro` by the entry point "ase.ioformats" of this package.

ASE imports this module while it imports ase.io, so nothing here may need ase.io, and nothing may be slow.
"""

from __future__ import annotations

from ase.utils.plugins import ExternalIOFormat

CONTENT = "asemacro-frames"
"""What such files call themselves."""
NAME = "asemacro"
SUFFIX = ".amz.zip"
"""Of the name of such a file; files are known by their content too."""
FORMAT = ExternalIOFormat(
    desc="Frames of asemacro (zarr in one zip file)",
    code="+S",
    module="asemacro.files.ase_format",
    glob=f"*{SUFFIX}",
    magic=b'PK\x03\x04*zarr.json*"' + CONTENT.encode() + b'"',
)


def register() -> None:
    """Make the format known where ASE did not find it: the package was installed before it had the entry point."""
    from ase.io.formats import define_io_format, ioformats

    if NAME not in ioformats:
        define_io_format(NAME, **FORMAT._asdict(), external=True)
