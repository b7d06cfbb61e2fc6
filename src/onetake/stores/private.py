"""Files of this machine that may hold what nobody else is to read: in `.onetake/`, for their owner alone.

Files are 0600 and folders 0700, whatever the umask says. Nothing is written or read through a symbolic
link: a project that came from elsewhere may have brought one.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

_FILE, _FOLDER = 0o600, 0o700
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for the other end of a pipe


def ensure_cache(cache: Path) -> None:
    """The cache directory, which ignores itself in git. Raises OSError."""
    ensure_folder(cache)
    if cache.stat().st_mode & 0o077:  # unpacked, or made by another program
        with suppress(PermissionError):  # another user's, and theirs to say
            cache.chmod(_FOLDER)
    ignore = cache / ".gitignore"
    if not ignore.exists():
        with suppress(FileExistsError):
            os.close(open_private(ignore, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            ignore.write_text("*\n")


def ensure_folder(folder: Path) -> None:
    """A private folder, with those above it. Raises OSError, also where a link stands in its place."""
    try:
        folder.mkdir(mode=_FOLDER)
    except FileNotFoundError:
        ensure_folder(folder.parent)
        ensure_folder(folder)
    except FileExistsError:
        if folder.is_symlink() or not folder.is_dir():
            raise _refused(folder) from None


def ensure_private(folder: Path, cache: Path) -> None:
    """The `folder` of the cache directory, itself included. Raises OSError."""
    ensure_cache(cache)
    made = cache
    for part in folder.relative_to(cache).parts:
        made = made / part
        ensure_folder(made)


def open_private(path: Path, flags: int) -> int:
    """A descriptor of the file, which only its owner may read if it is new. Raises OSError."""
    return os.open(path, flags | _NO_LINK, _FILE)


def read_private(path: Path) -> bytes:
    """All of a regular file. Raises OSError, also for a link."""
    return read_regular(path, _NO_LINK)


def read_regular(path: Path, flags: int = 0, limit: int = -1) -> bytes:
    """All of a regular file, or its first bytes; a device or a pipe would never end. Raises OSError."""
    with open(
        os.open(path, os.O_RDONLY | _NO_WAIT | flags | getattr(os, "O_BINARY", 0)), "rb"
    ) as file:
        if stat.S_ISDIR(mode := os.fstat(file.fileno()).st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no file", str(path))
        return file.read(limit)


def _refused(folder: Path) -> OSError:
    return OSError(errno.ENOTDIR, "a symbolic link or a file is there, and no folder", str(folder))
