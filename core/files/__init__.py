"""Files: their names, written whole or not at all, checked, locked; on this machine's disks or at an address."""

from maskaug.core.files.addresses import is_address, list_objects, read_bytes, to_path, write_bytes
from maskaug.core.files.checksums import CHECKSUMS_FILE, checksum_lines, file_sha256
from maskaug.core.files.locks import LOCK_FILE, LockedError, locked
from maskaug.core.files.names import LEADS_OUT, PICTURE_SUFFIXES, is_inside, path_inside, safe_stem
from maskaug.core.files.whole import new_folder, remove_partial, sync_folder, sync_tree, write_atomic

__all__ = [
    "CHECKSUMS_FILE",
    "LEADS_OUT",
    "LOCK_FILE",
    "PICTURE_SUFFIXES",
    "LockedError",
    "checksum_lines",
    "file_sha256",
    "is_address",
    "is_inside",
    "list_objects",
    "locked",
    "new_folder",
    "path_inside",
    "read_bytes",
    "remove_partial",
    "safe_stem",
    "sync_folder",
    "sync_tree",
    "to_path",
    "write_atomic",
    "write_bytes",
]
