"""What is being written under another name, and what of such a process left that was killed.

An unfinished file or folder has a lock (flock) while somebody writes it, and the lock ends with the
process, however that ends. So one without a lock is nobody's, and whoever writes the same target
next removes it. Where a system or its disk has no such locks, it stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PART: Final = ".part"
# A folder that another one takes the place of: the only one, should that be broken off by a kill.
BEFORE: Final = ".before"


@contextmanager
def unfinished(target: Path, make: Callable[[Path], None]) -> Iterator[Path]:
    """A new file or folder in the folder of the target, gone in the end unless it was renamed.

    make: makes it, empty, at a path.
    """
    _remove_left_ones(target)
    part = beside(target, PART)
    try:
        make(part)
        with _locked(part):
            # It may have been taken for nobody's before it had its lock.
            if not part.exists():
                make(part)
            yield part
    finally:
        remove(part)


def beside(target: Path, suffix: str) -> Path:
    """A name in the folder of the target that nothing has, and that tells whose it is."""
    return target.with_name(f"{_prefix(target)}{secrets.token_hex(8)}{suffix}")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there, and also if a signal breaks in meanwhile."""
    try:
        _remove(path)
    except BaseException:
        _remove(path)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _prefix(target: Path) -> str:
    # Not the name itself: with more in it, that could be too long.
    return f".numformats-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:8]}-"


def _remove_left_ones(target: Path) -> None:
    """Remove what processes that were killed left of the same target, as far as that can be."""
    with contextlib.suppress(OSError):
        own = [path for path in target.parent.iterdir() if path.name.startswith(_prefix(target))]
        for path in own:
            if _is_left(path, target):
                remove(path)


def _is_left(path: Path, target: Path) -> bool:
    """Whether nobody needs an unfinished one, or what was there before the target."""
    return target.exists() if path.suffix == BEFORE else _is_nobodys(path)


try:
    import fcntl
except ImportError:  # Windows, which does not remove files that are open

    @contextmanager
    def _locked(path: Path) -> Iterator[None]:
        yield

    def _is_nobodys(path: Path) -> bool:
        return path.is_file()

else:

    @contextmanager
    def _locked(path: Path) -> Iterator[None]:
        """Has the lock of a file or folder, where there are locks."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _is_nobodys(path: Path) -> bool:
        """Whether nobody has the lock of a file or folder."""
        # A pipe of that name would otherwise be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True
