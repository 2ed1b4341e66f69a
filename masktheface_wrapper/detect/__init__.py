"""Faces and their landmarks, found in a picture."""
