"""Labelled pictures: listed, decoded, prepared for a network."""
