"""Where a curated set goes: there whole or not at all on a disk; at an address, its manifest last."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from maskaug.augment.curate.checksums import CARD_FILE, CARD_FOLDER
from maskaug.augment.curate.selection import CurateError
from maskaug.core.files import (
    CHECKSUMS_FILE,
    LOCK_FILE,
    find_objects,
    is_address,
    locked,
    new_folder,
    read_bytes,
    remove_files,
    sync_folder,
    sync_tree,
    upload,
)
from maskaug.core.manifest import MANIFEST_FOLDER

_AT_ONCE = 8  # objects on their way to a store
_PHASES = (CHECKSUMS_FILE, "", MANIFEST_FOLDER)  # of storing; an earlier set goes the other way round


@contextmanager
def building(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A new folder that becomes OUT when the block ends well; nobody else writes there meanwhile.

    On a disk it lies beside OUT, and is renamed. For an address it lies among this machine's temporary files, and is
    then copied: an earlier set goes first, ``checksums.txt`` comes first, the manifest last; where that is stopped, the
    set has no manifest, and is made again with ``--overwrite``.

    Args:
        out: OUT, a folder or an address.
        overwrite: Whether an earlier curated set may be replaced.

    Raises:
        LockedError: another process is writing OUT.
        CurateError: OUT is in the way.
        OSError: it cannot be written.
    """
    what = f"destination {out} is being written"
    if is_address(out):
        temporary = tempfile.TemporaryDirectory(prefix="maskaug-curate-")
        with temporary as here, locked(out / LOCK_FILE, what) as check_lock:
            check_free(out, overwrite=overwrite)
            yield Path(here)
            check_lock()
            _store(Path(here), out, check_lock)
        return
    folder = _beside(out, "partial")
    with new_folder(folder.parent), locked(_beside(out, "lock"), what):
        check_free(out, overwrite=overwrite)  # another process may have written it meanwhile
        try:
            shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
            folder.mkdir(parents=True)
            yield folder
            sync_tree(folder)
            _put(folder, out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def check_free(out: Path, *, overwrite: bool) -> None:
    """Make sure that OUT is new or empty, or an earlier curated set, and nothing else, that may be replaced.

    Raises:
        CurateError: it is not, or cannot be looked into.
    """
    try:
        if not is_address(out) and out.exists() and not out.is_dir():
            raise CurateError(f"destination {out} is not a folder; name a new one")
        names = _names(out)
        if not names and (is_address(out) or not out.exists() or not any(out.iterdir())):
            return
        if not overwrite:
            raise CurateError(f"destination {out} is not empty; name a new folder, or give --overwrite")
        if CHECKSUMS_FILE not in names:
            raise CurateError(f"destination {out} holds other files; name a new or an empty folder")
        lines = read_bytes(out / CHECKSUMS_FILE).decode().splitlines()
        own = {CHECKSUMS_FILE, CARD_FILE, *(line.partition("  ")[2] for line in lines)}
        for name in names:
            if name not in own and not name.startswith(f"{CARD_FOLDER}/"):
                raise CurateError(f"{out / name} was not written by maskaug curate; move it away before --overwrite")
    except (OSError, ValueError) as error:
        raise CurateError(f"destination {out} cannot be used: {error}") from error


def _names(out: Path) -> set[str]:
    """What lies below OUT, but for folders, and for the lock of an address."""
    if is_address(out):
        return {one.name for one in find_objects(out)} - {LOCK_FILE}
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}


def _beside(out: Path, what: str) -> Path:
    place = out.resolve()
    return place.with_name(f".{place.name}.{what}")


def _put(folder: Path, out: Path) -> None:
    """Rename the finished folder to OUT; an earlier one goes only then."""
    old = _beside(out, "old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    try:
        folder.rename(out.resolve())
    except BaseException:
        if old.exists() and not out.exists():
            old.rename(out.resolve())
        raise
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def _store(folder: Path, out: Path, check_lock: Callable[[], None]) -> None:
    """Copy the finished folder to an address; what stops it leaves a list of what is the set's, and no manifest."""
    earlier = _names(out)
    for phase in reversed(_PHASES):
        remove_files(out / name for name in earlier if _phase(name) == phase)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    def store(name: str) -> None:
        check_lock()
        upload(folder / name, out / name)

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for phase in _PHASES:
            list(threads.map(store, sorted(name for name in names if _phase(name) == phase)))


def _phase(name: str) -> str:
    return name if name == CHECKSUMS_FILE else MANIFEST_FOLDER if name.startswith(f"{MANIFEST_FOLDER}/") else ""
