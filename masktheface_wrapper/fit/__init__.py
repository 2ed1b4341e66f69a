"""A mask carried onto a face, and drawn there."""
