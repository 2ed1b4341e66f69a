"""What lies in SRC, a folder, a container or an address: its pictures, with their splits, classes and persons."""

from maskaug.augment.generate.scan.class_folders import scan
from maskaug.augment.generate.scan.listing import check_apart
from maskaug.augment.generate.scan.person_folders import scan_identities
from maskaug.augment.generate.scan.source import COPY_MARK, DEFAULT_SPLIT, Scan, ScanError, Source

__all__ = ["COPY_MARK", "DEFAULT_SPLIT", "Scan", "ScanError", "Source", "check_apart", "scan", "scan_identities"]
