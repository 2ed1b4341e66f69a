"""Seeds made from content."""

import hashlib


def copy_seed(seed: int, sha256: str, copy: int) -> int:
    """Seed of one copy's generator, 63 bits: it depends on the picture's content, not on its name or place."""
    digest = hashlib.sha256(f"{seed}:{sha256}:{copy}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
