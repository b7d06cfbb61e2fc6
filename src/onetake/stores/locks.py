"""Advisory locks between processes, released by the system when their holder dies."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def try_lock(fd: int) -> bool:
        """Whether the lock on `fd` could be taken at once."""
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    is_free = try_lock

    def _lock(fd: int) -> None:
        while not try_lock(fd):
            pass

    def _unlock(fd: int) -> None:
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(fd: int) -> bool:
        """Whether the lock on `fd` could be taken at once."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def is_free(fd: int) -> bool:
        """Whether nobody holds the lock on `fd`. Many may ask at once and hear the same."""
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _lock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX)

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)


def _check_own(folder: Path) -> None:
    """Anybody may make a folder of that name among temporary files: what is in it would be theirs."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "getuid") and found.st_uid != os.getuid()):
        raise PermissionError(
            errno.EPERM, "another user's folder stands where locks are kept", str(folder)
        )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the file `path` (which need not exist): one writer on this machine.

    The lock file lives in the system's folder for temporary files, named after the file, so that
    nothing appears beside recordings in git, whichever project a process was started from.
    """
    folder = Path(tempfile.gettempdir()) / f"onetake-locks-{getattr(os, 'getuid', int)()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    _check_own(folder)
    name = hashlib.blake2b(os.fsencode(path.resolve()), digest_size=16).hexdigest()
    fd = os.open(folder / name, os.O_CREAT | os.O_RDWR | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        _lock(fd)
        yield
    finally:
        _unlock(fd)  # a forked child may have the descriptor too
        os.close(fd)
