"""Masks on single pictures, and the engine as options ask for it."""
