"""What is measured of a photograph about one face before a mask is put on it."""
