"""npz files: checked by their headers, unpacked only then, every failure one line that names the file."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asemacro.files.arrays import Expected, read_arrays

EXPECTED = {
    "z": Expected("number", ("n", 2)),
    "k": Expected("whole number", ("n",)),
    "name": Expected("text", ("n",)),
    "done": Expected("truth value"),
}


def arrays(**changed: Any) -> dict[str, Any]:
    whole = {"z": np.arange(6.0).reshape(3, 2), "k": np.arange(3, dtype=">i2"), "name": np.array(["a", "b", "Mo-Ta"])}
    return {**whole, "done": np.True_, **changed}


def member(shape: str, descr: str = "'<f8'", data: bytes = b"", version: int = 1) -> bytes:
    """An npy member with any header."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def refused(path: Path, *words: str, expected: dict[str, Expected] | None = None) -> None:
    with pytest.raises(ValueError) as error:
        read_arrays(path, "tests", expected)
    assert "\n" not in str(error.value)
    for word in (str(path), *words):
        assert word in str(error.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_wrote_is_read(tmp_path: Path, save: Any) -> None:
    whole = arrays(z=np.asfortranarray(np.arange(6.0).reshape(3, 2)), other=np.ones((0, 4)))
    save(tmp_path / "a.npz", **whole)
    for expected in (None, EXPECTED):
        found = read_arrays(tmp_path / "a.npz", "tests", expected)
        assert set(found) == set(EXPECTED if expected else whole)
        for name, array in found.items():
            np.testing.assert_array_equal(array, whole[name])
            assert array.dtype.isnative
            assert array.shape == np.shape(whole[name])


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"z": np.ones((4, 2))}, "k has shape (3,), not (4,)"),
        ({"z": np.ones((3, 3))}, "z has shape (3, 3), not (3, 2)"),
        ({"z": np.ones(3)}, "z has shape (3,), not (3, 2)"),
        ({"z": np.full((3, 2), np.nan)}, "z holds values that are not finite"),
        ({"z": np.full((3, 2), "1.5")}, "z must hold a number in each place"),
        ({"z": np.ones((3, 2), dtype=complex)}, "z is not of plain numbers"),
        ({"z": np.ones((3, 2), dtype=object)}, "z is not of plain numbers"),
        ({"z": np.zeros((3, 2), dtype=[("a", "f8"), ("b", "f8")])}, "z is not of plain numbers"),
        ({"k": np.ones(3)}, "k must hold a whole number in each place, not float64"),
        ({"done": np.int64(1)}, "done must hold a truth value"),
        ({"name": np.array(["a", "b", "c\nd"])}, "name holds texts that cannot be printed"),
    ],
)
def test_what_is_not_expected_is_refused(tmp_path: Path, changed: dict[str, Any], word: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays(**changed))
    refused(tmp_path / "a.npz", word, expected=EXPECTED)


def test_missing_arrays_and_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", z=np.ones((3, 2)))
    refused(tmp_path / "a.npz", "array k, name, done is missing", expected=EXPECTED)
    with pytest.raises(FileNotFoundError, match=r"no tests file .*absent\.npz"):
        read_arrays(tmp_path / "absent.npz", "tests")
    refused(tmp_path, "is a folder")
    (tmp_path / "empty.npz").write_bytes(b"")
    refused(tmp_path / "empty.npz", "it is empty")
    (tmp_path / "text.npz").write_bytes(b"hello")
    refused(tmp_path / "text.npz", "not a readable npz file")


def test_hostile_members(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    refused(archive(path, {"z": member("(1,)", data=bytes(16))}), "z declares 8 bytes")
    refused(archive(path, {"z": member("(-1,)", data=bytes(8))}), "z is not of plain")
    refused(archive(path, {"z": member("(True,)", data=bytes(8))}), "z is not of plain")
    refused(archive(path, {"z": member("(1.0,)", data=bytes(8))}), "z is not of plain")
    refused(archive(path, {"z": member(f"(0, {10**30})")}), "")
    refused(archive(path, {"z": member(f"({10**9},)", "'<U0'")}), "z is not of plain")
    refused(archive(path, {"z": member("(" * 150)}), "z is damaged")
    refused(archive(path, {"z": member("-" * 9000 + "1")}), "")
    refused(archive(path, {"z": member("(1,)", "'<f3'", bytes(3))}), "z is damaged")
    refused(archive(path, {"z": member("(1,)", "__import__('os')", bytes(8))}), "z is damaged")
    refused(archive(path, {"z": member("(1,)", "'<U1'", b"\xff\xff\xff\x7f")}), "cannot be printed")
    refused(archive(path, {"z": member("(1,)", "'|b1'", b"\x07")}), "neither true nor false")
    refused(archive(path, {"z": b"no array"}), "not an array of numpy")
    refused(archive(path, {"z": member("(1,)", data=bytes(8))}, zipfile.ZIP_LZMA), "in a way that numpy does not write")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "hello")
    refused(path, "'readme.txt' is not an array")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("z.npy", member("(1,)", data=bytes(8)))
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("z.npy", member("(1,)", data=bytes(8)))
    refused(path, "z twice")


def test_encrypted_and_damaged_data(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.npz", {"z": member("(8,)", data=np.arange(8.0).tobytes())})
    whole = bytearray(path.read_bytes())
    encrypted = whole.copy()
    encrypted[whole.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(encrypted)
    refused(path, "z is encrypted")
    outcomes = set()
    start, end = whole.index(b"z.npy") + 5, whole.rindex(b"PK\x01\x02")
    for at in range(start, end):
        damaged = whole.copy()
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        try:
            np.testing.assert_array_equal(read_arrays(path, "tests")["z"], np.arange(8.0))
        except ValueError as error:
            outcomes.add(str(error))
    assert len(outcomes) > 3
    assert all(line.startswith(f"{path} is not a readable npz file") for line in outcomes)


def test_huge_declarations_take_no_memory(tmp_path: Path) -> None:
    count = 3 * 10**8
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("z.npy", member(f"({count},)", data=bytes(64)))
    whole = buffer.getvalue()
    size = len(member(f"({count},)")) + 64
    path = tmp_path / "a.npz"
    tracemalloc.start()
    for declared in (len(member(f"({count},)")) + 8 * count, 900_000_000):  # 2.4 GB, and below the bound
        path.write_bytes(whole.replace(struct.pack("<I", size), struct.pack("<I", declared)))
        refused(path)
    path.write_bytes(whole)
    refused(path, "another number")
    few = 10**8  # agrees with what the archive declares, but no such data follow
    size = len(member(f"({few},)"))
    path = archive(path, {"z": member(f"({few},)")})
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", size + 8 * few)))
    refused(path, expected={"z": Expected("number", (3,))})
    peak = tracemalloc.get_traced_memory()[1]
    refused(path)
    tracemalloc.stop()
    assert peak < 20e6
