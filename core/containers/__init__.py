"""Pictures inside larger files: tar shards, parquet, a table of paths; listed here, and read from any process."""

from maskaug.core.containers.listing import is_container, is_shard, list_pictures, locate, shards_among, shards_below
from maskaug.core.containers.members import ListedPicture, Location, Member, Problem, sha256_of, stamp_of

__all__ = [
    "ListedPicture",
    "Location",
    "Member",
    "Problem",
    "is_container",
    "is_shard",
    "list_pictures",
    "locate",
    "sha256_of",
    "shards_among",
    "shards_below",
    "stamp_of",
]
