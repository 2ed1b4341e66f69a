"""The base class of all expected problems of training, judging and exporting. Free of PyTorch."""

from maskaug.core.errors import MaskaugError, OptionError


class TrainError(MaskaugError):
    """A classifier cannot be trained, judged, used or exported as asked; the message says why and what to do."""


class TrainOptionError(TrainError, OptionError):
    """An option of these commands is wrong, whatever the files hold; the message names it."""
