"""`curate`: generated pictures and decisions in, the final data set out."""
