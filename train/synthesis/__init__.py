"""Training pictures made anew each time they are seen."""
