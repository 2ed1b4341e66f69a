"""Decisions as files of other programs, and back: people may also decide elsewhere."""
