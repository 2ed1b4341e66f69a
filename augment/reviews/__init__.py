"""Annotators' decisions: how they are recorded, and how far they agree."""
