"""Recipes, networks, their files, and what their outputs mean."""
