"""Compiled kernels that are older than a source they were compiled from are forgotten."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def forget_stale_kernels(package: Path = PACKAGE) -> bool:
    """Remove numba's on-disk indices in a package if one of its compiled sources has changed since the last look.

    numba keeps a compiled function until the file of that function changes, whatever happens to the files of the
    functions compiled into it: after an edit or a `git pull` the kinetics would silently run old barriers. Where
    the package's folders are not writable (a system-wide installation) nothing is done; its files change only
    all together.

    Returns:
        Whether indices were removed.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        source = path.read_bytes()
        if b"njit" in source:
            digest.update(source)
    stamp = package / "__pycache__" / "kernels.stamp"
    with contextlib.suppress(OSError):
        if stamp.is_file() and stamp.read_bytes() == digest.hexdigest().encode():
            return False
        for index in package.rglob("__pycache__/*.nbi"):
            index.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest.hexdigest(), encoding="utf-8")
        return True
    return False
