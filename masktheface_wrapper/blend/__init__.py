"""A drawn layer brought into the photograph."""
