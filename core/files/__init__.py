"""Files: their names, written whole or not at all, checked, locked; on this machine's disks or at an address."""

from maskaug.core.files.addresses import (
    StoredObject,
    copy_command,
    find_objects,
    is_address,
    list_objects,
    open_object,
    protocol,
    read_bytes,
    read_range,
    to_path,
    upload,
    write_bytes,
)
from maskaug.core.files.checksums import CHECKSUMS_FILE, checksum_lines, file_sha256
from maskaug.core.files.locks import LOCK_FILE, locked
from maskaug.core.files.names import LEADS_OUT, PICTURE_SUFFIXES, is_inside, path_inside, safe_stem, storable
from maskaug.core.files.object_lock import LockedError
from maskaug.core.files.whole import (
    is_file,
    new_folder,
    remove_files,
    remove_partial,
    remove_tree,
    sync_folder,
    sync_tree,
    write_atomic,
    write_whole,
)

__all__ = [
    "CHECKSUMS_FILE",
    "LEADS_OUT",
    "LOCK_FILE",
    "PICTURE_SUFFIXES",
    "LockedError",
    "StoredObject",
    "checksum_lines",
    "copy_command",
    "file_sha256",
    "find_objects",
    "is_address",
    "is_file",
    "is_inside",
    "list_objects",
    "locked",
    "new_folder",
    "open_object",
    "path_inside",
    "protocol",
    "read_bytes",
    "read_range",
    "remove_files",
    "remove_partial",
    "remove_tree",
    "safe_stem",
    "storable",
    "sync_folder",
    "sync_tree",
    "to_path",
    "upload",
    "write_atomic",
    "write_bytes",
    "write_whole",
]
