"""The one base class of errors that are expected, and told to the user in one line."""


class MaskaugError(Exception):
    """An expected problem; the message says what, where and what to do."""
