"""Masks inside a training loop: no files, no search."""
