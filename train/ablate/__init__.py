"""`ablate`: grids of runs, compared."""
