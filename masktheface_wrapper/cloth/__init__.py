"""Templates, and what their cloth is like."""
