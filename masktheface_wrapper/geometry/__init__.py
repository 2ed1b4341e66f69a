"""The mean head in millimetres, and where it stands before the camera."""
