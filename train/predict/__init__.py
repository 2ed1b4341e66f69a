"""`predict`: faces in pictures, videos and before a camera."""
