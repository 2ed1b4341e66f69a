"""`generate`: a folder of unmasked faces in, a balanced, traceable, reproducible data set out."""
