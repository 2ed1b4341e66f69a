"""`export`: a network as one file."""
