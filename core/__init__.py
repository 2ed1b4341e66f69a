"""What all other packages stand on: arrays, landmarks, pictures, files, the manifest, class names, errors."""
