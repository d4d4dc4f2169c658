"""Files that are whole or not there: written atomically, read without running anything that is in them.

write_whole    a file that is whole or absent
write_csv      a table
write_json     an object
run_record     content of run.json
read_json      an object from a file
read_arrays    arrays from an npz file
write_tensors  a safetensors file
read_tensors   what is in a safetensors file
digest         a fingerprint of a value
write_extxyz   frames as extended xyz, fast
write_frames   frames of equally many atoms in one small file
FramesFile     such a file, read frame by frame
"""

from typing import TYPE_CHECKING

from asemacro.lazy import lazily

if TYPE_CHECKING:
    from asemacro.files.arrays import read_arrays as read_arrays
    from asemacro.files.content import digest as digest
    from asemacro.files.extxyz import write_extxyz as write_extxyz
    from asemacro.files.frames import FramesFile as FramesFile
    from asemacro.files.frames import write_frames as write_frames
    from asemacro.files.json_text import read_json as read_json
    from asemacro.files.store import run_record as run_record
    from asemacro.files.store import write_csv as write_csv
    from asemacro.files.store import write_json as write_json
    from asemacro.files.store import write_whole as write_whole
    from asemacro.files.tensors import read_tensors as read_tensors
    from asemacro.files.tensors import write_tensors as write_tensors
else:
    __getattr__, __dir__, __all__ = lazily(__name__)
