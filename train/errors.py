"""What all expected problems of these commands are; free of PyTorch, for the command line to know them without it."""


class TrainError(Exception):
    """Something asked of a classifier cannot be done; the message says what, where and what to do."""
