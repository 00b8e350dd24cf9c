"""The file half of an unlock: a random key, in a folder that belongs to this person alone."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sealpost.errors import SealpostError

_LONGEST = 256


@dataclass(frozen=True, slots=True)
class KeyFile:
    """`path` is believed only as a regular file, 0600, in a folder, 0700, both this person's and no symbolic links.

    Anything else at that place is neither read, written nor removed: SealpostError, `foreign-key-file`.
    """

    path: Path

    def write(self, key: bytes, *, until: int) -> None:
        """A new file in place of an earlier one. `until` is Unix seconds."""
        try:
            with suppress(FileExistsError):
                self.path.parent.mkdir(mode=0o700)
            self.destroy()
            with self._folder() as folder:
                handle = os.open(self.path.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600, dir_fd=folder)
                with os.fdopen(handle, "wb") as file:
                    file.write(f"{until}\n".encode() + key)
        except OSError as error:
            raise _foreign(self.path, error.strerror or "it cannot be written") from None

    def read(self) -> tuple[bytes, int] | None:
        """The key and until when; None when there is no file. Raises ValueError for other content."""
        try:
            with self._folder() as folder, os.fdopen(self._open(os.O_RDONLY, folder), "rb") as file:
                until, _, key = file.read(_LONGEST).partition(b"\n")
        except FileNotFoundError:
            return None
        return key, int(until)

    def destroy(self) -> None:
        """Overwrites and removes. The overwriting is worth nothing on a copying file system; the other half is what counts."""
        with suppress(FileNotFoundError), self._folder() as folder:
            with os.fdopen(self._open(os.O_WRONLY, folder), "wb") as file:
                file.write(os.urandom(min(os.fstat(file.fileno()).st_size, _LONGEST)))
            os.unlink(self.path.name, dir_fd=folder)

    @contextmanager
    def _folder(self) -> Iterator[int]:
        handle = _no_link(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _check(self.path.parent, handle, stat.S_ISDIR)
            yield handle
        finally:
            os.close(handle)

    def _open(self, flags: int, folder: int) -> int:
        handle = _no_link(self.path, flags | os.O_NONBLOCK, folder=folder)
        try:
            _check(self.path, handle, stat.S_ISREG)
        except SealpostError:
            os.close(handle)
            raise
        return handle


def _no_link(path: Path, flags: int, *, folder: int | None = None) -> int:
    name = path if folder is None else Path(path.name)
    try:
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _foreign(path, error.strerror or "it cannot be opened") from None


def _check(path: Path, handle: int, kind: Callable[[int], bool]) -> None:
    found = os.fstat(handle)
    if not kind(found.st_mode):
        raise _foreign(path, "it is of another kind")
    if found.st_uid != os.getuid():
        raise _foreign(path, "it belongs to somebody else")
    if found.st_mode & 0o077:
        raise _foreign(path, "others may read or write it")


def _foreign(path: Path, why: str) -> SealpostError:
    return SealpostError(
        f"{path} is not what an unlock made ({why}); it was left alone.",
        code="foreign-key-file",
        cure="Look at it and remove it, or name another folder with XDG_RUNTIME_DIR.",
    )
