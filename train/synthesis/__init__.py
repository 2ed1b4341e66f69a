"""Training pictures rendered anew each time they are seen."""
