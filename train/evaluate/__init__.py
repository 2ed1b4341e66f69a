"""How good a classifier is: metrics, slices, the report page."""
