"""Pictures inside larger files: tar shards, parquet, a table of paths; listed here, and read from any process."""

from maskaug.core.containers.listing import (
    contents_among,
    is_container,
    is_shard,
    list_pictures,
    locate,
    members_of,
    shards_among,
    shards_below,
)
from maskaug.core.containers.members import (
    ListedPicture,
    Location,
    Member,
    Problem,
    read_location,
    sha256_of,
    stamp_of,
)
from maskaug.core.containers.writing import ALPHA_SUFFIX, SHARD_WRITERS, Packed, ShardWriter

__all__ = [
    "ALPHA_SUFFIX",
    "SHARD_WRITERS",
    "ListedPicture",
    "Location",
    "Member",
    "Packed",
    "Problem",
    "ShardWriter",
    "contents_among",
    "is_container",
    "is_shard",
    "list_pictures",
    "locate",
    "members_of",
    "read_location",
    "sha256_of",
    "shards_among",
    "shards_below",
    "stamp_of",
]
