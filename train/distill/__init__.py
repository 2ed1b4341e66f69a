"""`distill`: a small network that learns from a trained one."""
