"""`RandomMask`: a new mask on a face each time it is seen, as a torchvision transform (v2)."""

from collections.abc import Mapping
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

try:
    import PIL.Image
    import torch
    from torch.utils._pytree import MappingKey, tree_flatten_with_path, tree_unflatten
    from torch.utils.data import get_worker_info
    from torchvision import tv_tensors
    from torchvision.transforms.v2 import Transform
except ModuleNotFoundError as error:
    message = "RandomMask needs PyTorch and torchvision: pip install 'maskaug[train]'"
    raise ImportError(message, name=error.name) from error

from maskaug.augment.online.known_face import KnownFace, Label, relabelled
from maskaug.core.arrays import check_image
from maskaug.masktheface_wrapper import MaskDistribution


class RandomMask(Transform):  # type: ignore[misc]
    """Puts a newly sampled mask on the face of a picture, at the size it is trained at.

    Landmarks are not searched for while training. They come with the sample, as ``tv_tensors.KeyPoints`` of shape
    (68, 2), and then survive flips, crops, rotations and resizing before this transform; or they are looked up by
    the picture's pixels, and then nothing may have changed the pixels since
    :func:`~maskaug.augment.cache_landmarks` saw them. A picture whose landmarks are not known passes unchanged, and
    so does its label.

    A sample holds one picture, in any nesting of tuples, lists and dictionaries: a PIL image (RGB), a
    ``tv_tensors.Image`` or a tensor, ``(3, H, W) uint8``. With ``label`` set, it must hold its class, too: the first
    integer in a tuple or list, or the entry ``"label"`` of a dictionary; Python integer or integer tensor with one
    element. That is replaced when, and only when, a mask was put on::

        found = load_landmarks(Path("train.npz"))
        transform = v2.Compose([RandomMask(found, p=0.5, label=1), v2.RandomHorizontalFlip(), ...])

        class Faces(ImageFolder):
            def __getitem__(self, index):
                return transform(*super().__getitem__(index))  # (image, label)

    Every call takes one number of PyTorch's generator, which seeds all others, so that ``torch.manual_seed`` and
    the seeds a ``DataLoader`` gives its workers determine all masks. The templates are loaded once in each process,
    at the first picture, and are not pickled.

    Batches are refused: one call samples one mask, and all faces of a batch would get it. Transform the samples in
    the data set, or ``torch.stack([transform(image) for image in batch])``.
    """

    def __init__(
        self,
        landmarks: Mapping[str, NDArray[np.float32]] | None = None,
        kinds: MaskDistribution | str | Mapping[str, float] | None = None,
        p: float = 1.0,
        *,
        label: Label | None = None,
        min_quality: float = 0.0,
        pack: Path | None = None,
    ) -> None:
        """A transform; nothing is loaded yet.

        Args:
            landmarks: ``(68, 2) float32`` iBUG points in pixels by :func:`~maskaug.augment.pixels_key`, as
                :func:`~maskaug.augment.cache_landmarks` makes them. For samples without key points.
            kinds: A kind of mask, weights by kind, or a ``MaskDistribution``. None: anything the
                pack has.
            p: Probability of a mask.
            label: Class of masked pictures; or classes by way of wearing, such as ``{"correct": 1, "under_nose": 2}``,
                where ``kinds`` is a ``MaskDistribution`` of several.
            min_quality: Masks scored lower are not put on.
            pack: Folder of templates. None: those that ship with maskaug.

        Raises:
            ValueError: ``p`` or ``min_quality`` lies outside [0, 1].
        """
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p must be in [0, 1], but is {p}")
        self.p = p
        self.label = label
        self._known = KnownFace(landmarks or {}, kinds, min_quality, pack)

    def forward(self, *inputs: Any) -> Any:  # noqa: ANN401
        """The sample with a mask, or as it is.

        Raises:
            PackError: the pack cannot be read, or has no mask of a kind.
            TypeError: the sample holds an array or a path for a picture.
            ValueError: the sample holds no picture, several, a batch, or one of another type or without pixels; its
                key points are no landmarks of its picture; or there is a label to set, and none in the sample.
        """
        sample = inputs if len(inputs) > 1 else inputs[0]
        # Transform's own forward hands on pictures and tensors, one by one; a label must change with its picture.
        paths, spec = tree_flatten_with_path(sample)
        leaves = [leaf for _, leaf in paths]
        rng = np.random.default_rng(int(torch.randint(2**63 - 1, ())))
        picture = _find_picture(leaves)
        pixels = _pixels(leaves[picture])
        check_image(pixels)
        points = _find_points(leaves, pixels)
        label = None if self.label is None else _find_label(paths, picture)
        if rng.random() >= self.p:
            return sample
        if get_worker_info() is not None:
            # The workers are the threads. Not 1: a forked process would wait for threads it does not have.
            cv2.setNumThreads(0)
        worn = self._known.mask(pixels, points, rng)
        if worn is None:
            return sample
        leaves[picture] = _like(leaves[picture], worn.image)
        if self.label is not None and label is not None:
            leaves[label] = _same_type(leaves[label], relabelled(self.label, worn.wear))
        return tree_unflatten(leaves, spec)


def _find_picture(leaves: list[Any]) -> int:
    """Where the picture is: as in torchvision, the first plain tensor is one where nothing else is."""
    found = [place for place, leaf in enumerate(leaves) if isinstance(leaf, tv_tensors.Image | PIL.Image.Image)]
    found = found or [place for place, leaf in enumerate(leaves) if type(leaf) is torch.Tensor][:1]
    strange = [type(leaf).__name__ for leaf in leaves if isinstance(leaf, str | PathLike | np.ndarray)]
    if not found and strange:
        raise TypeError(
            f"RandomMask takes PIL images and tensors, but this sample holds a {strange[0]}; of an array (H, W, 3) "
            "uint8 RGB, give it PIL.Image.fromarray(image)"
        )
    if len(found) != 1:
        raise ValueError(f"RandomMask takes samples of one picture, but this one holds {len(found) or 'none'}")
    return found[0]


def _pixels(picture: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    """``(H, W, 3) uint8`` RGB."""
    if isinstance(picture, PIL.Image.Image):
        if picture.mode != "RGB":
            raise ValueError(f"RandomMask takes RGB pictures, but this one is {picture.mode}; convert it first")
        return np.asarray(picture)
    if picture.ndim > 3:
        raise ValueError(
            f"RandomMask takes one picture a call, because a batch would get one mask, but got {tuple(picture.shape)}; "
            "transform the samples in the data set, or torch.stack([transform(image) for image in batch])"
        )
    if picture.ndim != 3 or picture.shape[0] != 3 or picture.dtype != torch.uint8:
        raise ValueError(
            f"RandomMask takes (3, H, W) uint8 tensors, but got {tuple(picture.shape)} {picture.dtype}; "
            "put it before ToDtype and Normalize"
        )
    plain = picture.as_subclass(torch.Tensor)
    return np.asarray(plain.permute(1, 2, 0).contiguous().cpu().numpy())


def _find_points(leaves: list[Any], pixels: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    """``(68, 2) float32``, or None where the sample has no key points."""
    points = next((leaf for leaf in leaves if isinstance(leaf, tv_tensors.KeyPoints)), None)
    if points is None:
        return None
    if points.shape != (68, 2):
        raise ValueError(f"RandomMask takes key points of shape (68, 2), the landmarks, but got {tuple(points.shape)}")
    if tuple(points.canvas_size) != pixels.shape[:2]:
        raise ValueError(
            f"the key points are of a picture of {tuple(points.canvas_size)} pixels, and this one has "
            f"{pixels.shape[:2]}; transform both together"
        )
    return np.asarray(points.as_subclass(torch.Tensor).cpu().numpy(), dtype=np.float32)


def _find_label(paths: list[tuple[Any, Any]], picture: int) -> int:
    for place, (path, leaf) in enumerate(paths):
        named = path[-1].key if path and isinstance(path[-1], MappingKey) else "label"
        if place != picture and named == "label" and _is_integer(leaf):
            return place
    raise ValueError(
        "RandomMask has a label to set, but the sample holds none: give it (image, label), or a dictionary with 'label'"
    )


def _is_integer(leaf: Any) -> bool:  # noqa: ANN401
    if type(leaf) is torch.Tensor:
        return leaf.numel() == 1 and not leaf.is_floating_point() and not leaf.is_complex()
    return isinstance(leaf, Integral)


def _like(picture: Any, pixels: NDArray[np.uint8]) -> Any:  # noqa: ANN401
    """``(H, W, 3)`` pixels as a picture of the same type as another."""
    if isinstance(picture, PIL.Image.Image):
        return PIL.Image.fromarray(pixels)
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).contiguous().to(picture.device)
    return tv_tensors.wrap(tensor, like=picture) if isinstance(picture, tv_tensors.Image) else tensor


def _same_type(old: Any, label: int) -> Any:  # noqa: ANN401
    return torch.full_like(old, label) if isinstance(old, torch.Tensor) else type(old)(label)
