"""The OpenCV window."""
