"""The base class of all expected problems of training, judging and exporting. Free of PyTorch."""

from maskaug.core.errors import MaskaugError


class TrainError(MaskaugError):
    """A classifier cannot be trained, judged, used or exported as asked; the message says why and what to do."""
