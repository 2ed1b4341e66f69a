"""What is shown and what keys do, whichever front end shows it."""
