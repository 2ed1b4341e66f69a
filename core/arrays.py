"""Names for the arrays that pass between modules, and the one check of pictures that users hand in."""

import os

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3), RGB
Points = NDArray[np.float32]  # (N, 2), x to the right, y down, in pixels; pixel centres at whole numbers

_NEEDED = "must be an array (H, W, 3) uint8 RGB"


def check_image(image: object) -> None:
    """Make sure that what a user gives for a picture is one; every public function that takes a picture asks this.

    Args:
        image: ``(H, W, 3) uint8`` RGB, or something else.

    Raises:
        TypeError: it is no array.
        ValueError: it is an array of another shape or type, or without pixels.
    """
    if isinstance(image, str | bytes | os.PathLike):
        raise TypeError(
            f"image {_NEEDED}, but is the path {image!r}; read it: np.asarray(Image.open(path).convert('RGB'))"
        )
    if not isinstance(image, np.ndarray):
        name = f"{type(image).__module__}.{type(image).__qualname__}".removeprefix("builtins.")
        advice = "; convert it: np.asarray(image.convert('RGB'))" if name.startswith("PIL.") else ""
        raise TypeError(f"image {_NEEDED}, but is a {name}{advice}")
    if image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8 and image.size:
        return
    given = f"image {_NEEDED}, but is {image.shape} {image.dtype}"
    raise ValueError(f"{given}{_advice(image)}")


def check_images(images: object) -> None:
    """The same of ``(N, H, W, 3) uint8`` RGB pictures in one array; N may be 0.

    Raises:
        TypeError, ValueError: they are something else.
    """
    if isinstance(images, np.ndarray) and images.ndim == 4:
        if len(images):
            check_image(images[0])
        return
    given = f"{images.shape} {images.dtype}" if isinstance(images, np.ndarray) else f"a {type(images).__qualname__}"
    error = ValueError if isinstance(images, np.ndarray) else TypeError
    raise error(f"images must be an array (N, H, W, 3) uint8 RGB, but are {given}; give np.stack([image])")


def _advice(image: NDArray[np.generic]) -> str:
    if not image.size:
        return ", which has no pixels"
    if image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 1):
        return "; repeat grey three times: np.dstack([grey] * 3)"
    if image.ndim == 3 and image.shape[2] == 4:
        return "; leave alpha out: image[..., :3]"
    if image.ndim == 3 and image.shape[2] == 3:
        return "; scale it to 0 to 255 and convert it: image.astype(np.uint8)"
    if image.ndim == 3 and image.shape[0] == 3:
        return "; put the channels last: image.transpose(1, 2, 0)"
    return "; give one picture at a time" if image.ndim == 4 else ""


def median(values: NDArray[np.floating]) -> float:
    """The median of all values, as `numpy.median`, which for small arrays takes ten times as long."""
    flat = values.ravel()
    middle = flat.size // 2
    # NumPy partitions at one place many times as fast as at two.
    ordered = np.partition(flat, middle)
    upper = float(ordered[middle])
    return upper if flat.size % 2 else (float(ordered[:middle].max()) + upper) / 2


def quantile(values: NDArray[np.floating], share: float) -> float:
    """The value below which a share of all values lies, as `numpy.quantile`, between two by linear interpolation."""
    flat = values.ravel()
    place = share * (flat.size - 1)
    below = int(place)
    ordered = np.partition(flat, below)
    low = float(ordered[below])
    high = float(ordered[below + 1 :].min()) if below + 1 < flat.size else low
    return low + (place - below) * (high - low)
