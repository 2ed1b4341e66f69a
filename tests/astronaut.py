"""Faces for the demo and the tests, made from the public-domain photograph that ships in scikit-image.

``python tests/astronaut.py FOLDER`` writes a small ImageFolder of one split: crops of the astronaut's portrait,
rotated, scaled, squeezed, relit and blurred as the pictures of real data sets are.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

_EYES = (220.0, 105.0)  # between the eyes, pixels of the 512 x 512 photograph
_FACE = 90.0  # about as wide as the face, pixels


def portrait() -> NDArray[np.uint8]:
    """The whole photograph, ``(512, 512, 3) uint8`` RGB."""
    return np.asarray(data.astronaut())


def face(
    side: int = 160, *, tight: float = 2.2, roll: float = 0.0, squeeze: float = 1.0, mirror: bool = False
) -> NDArray[np.uint8]:
    """A crop of the face.

    Args:
        side: Width of the crop in pixels.
        tight: Its width in face widths.
        roll: Rotation of the head, clockwise, in degrees.
        squeeze: Height over width of the crop.
        mirror: Whether left and right are exchanged.
    """
    zoom = side / (tight * _FACE)
    turn = cv2.getRotationMatrix2D(_EYES, -roll, zoom)
    turn[:, 2] += np.array([side / 2, 0.42 * side]) - _EYES
    crop = cv2.warpAffine(portrait(), turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    crop = cv2.resize(crop, (side, round(side * squeeze)), interpolation=cv2.INTER_AREA)
    return np.asarray(crop[:, ::-1] if mirror else crop, dtype=np.uint8)


def relit(
    pixels: NDArray[np.uint8], *, gain: float, gamma: float, cast: tuple[float, float, float]
) -> NDArray[np.uint8]:
    """The picture under other light: exposure, contrast and colour cast (RGB factors)."""
    light = np.clip(gain * (pixels / 255.0) ** gamma * cast, 0, 1)
    return (light * 255).round().astype(np.uint8)


def write_faces(folder: Path, counts: dict[str, int], seed: int = 0) -> None:
    """Write ``FOLDER/<split>/not_wearing_mask/*.jpg``: as many variations of the face as each split is to have."""
    rng = np.random.default_rng(seed)
    for split, count in counts.items():
        target = folder / split / "not_wearing_mask"
        target.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = face(
                int(rng.choice([112, 140, 200, 320])),
                tight=float(rng.uniform(1.5, 3.0)),
                roll=float(rng.normal(0, 10)),
                squeeze=float(rng.uniform(0.8, 1.1)),
                mirror=bool(rng.integers(2)),
            )
            red, green, blue = (float(factor) for factor in rng.normal(1, 0.06, 3))
            pixels = relit(pixels, gain=rng.uniform(0.6, 1.15), gamma=rng.uniform(0.7, 1.4), cast=(red, green, blue))
            if rng.random() < 0.3:
                pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.6, 1.4)), dtype=np.uint8)
            bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
            _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))])
            (target / f"astronaut_{number:03d}.jpg").write_bytes(encoded.tobytes())


if __name__ == "__main__":
    write_faces(Path(sys.argv[1]), {"train": 32})
