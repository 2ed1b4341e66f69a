"""`RandomMaskAlbumentations`: a new mask on a face each time it is seen, as a transform of Albumentations.

Albumentations 2 requires opencv-python-headless, which overwrites the files of opencv-python. Install it without its
dependencies, and then those that are missing::

    pip install --no-deps albumentations==2.0.8 albucore==0.0.24
    pip install scipy pyyaml stringzilla simsimd
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import albumentations
import numpy as np
from numpy.typing import NDArray

from maskaug.augment.online.known_face import KnownFace, Label, WornMask, relabelled
from maskaug.masktheface_wrapper import MaskDistribution


class RandomMaskAlbumentations(albumentations.ImageOnlyTransform):  # type: ignore[misc]
    """Puts a newly sampled mask on the face of a picture, at the size it is trained at.

    As :class:`~maskaug.augment.RandomMask`, with the targets ``image``, ``(H, W, 3) uint8`` RGB, and ``label``, an
    integer. Landmarks are the sample's ``keypoints``, 68 of them in pixels, that ``Compose`` must not lose::

        transform = Compose(
            [HorizontalFlip(), RandomMaskAlbumentations(p=0.5, label=1)],
            keypoint_params=KeypointParams("xy", remove_invisible=False), seed=7,
        )
        transform(image=image, keypoints=points, label=0)

    or, in samples without, those kept for the picture's pixels. Random numbers come from Albumentations' generator.
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
        """A transform; nothing is loaded yet. Arguments are those of :class:`~maskaug.augment.RandomMask`.

        Raises:
            ValueError: ``min_quality`` lies outside [0, 1].
        """
        super().__init__(p=p)
        self.label = label
        self._known = KnownFace(landmarks or {}, kinds, min_quality, pack)

    @property
    def targets(self) -> dict[str, Callable[..., Any]]:
        """What changes with a mask."""
        return {"image": self.apply, "label": self._apply_to_label}

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        """Sample a mask and render it.

        Raises:
            PackError: the pack cannot be read, or has no mask of a kind.
            TypeError, ValueError: the picture is no ``(H, W, 3) uint8`` array; the key points are not 68; or there is
                a label to set, and none in the sample.
        """
        if self.label is not None and "label" not in data:
            raise ValueError("RandomMaskAlbumentations has a label to set, but the sample holds none: pass label=")
        points = data.get("keypoints")
        if points is not None:
            if len(points) != 68:
                raise ValueError(
                    f"RandomMaskAlbumentations takes 68 key points, the landmarks, but got {len(points)}; "
                    "KeypointParams need remove_invisible=False"
                )
            points = np.asarray(points, dtype=np.float32)[:, :2]
        return {"worn": self._known.mask(data["image"], points, self.random_generator)}

    def apply(self, img: NDArray[np.uint8], worn: WornMask | None, **params: Any) -> NDArray[np.uint8]:  # noqa: ANN401
        """The picture with the mask."""
        return img if worn is None else worn.image

    def _apply_to_label(self, label: Any, worn: WornMask | None, **params: Any) -> Any:  # noqa: ANN401
        return label if worn is None or self.label is None else type(label)(relabelled(self.label, worn.wear))
