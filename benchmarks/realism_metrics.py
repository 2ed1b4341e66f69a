"""What gives an overlay away, as numbers: pure functions of the final pictures, the same for every program.

Everywhere ``image`` is the masked picture, ``(H, W, 3) uint8`` RGB; ``alpha`` is ``(H, W) uint8``, how much of each
pixel mask and straps cover; ``landmarks`` are the ``(68, 2)`` iBUG 300-W points of the unmasked face in pixels,
numbered from 0. None means that there is nothing to measure on this face.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from skimage.color import rgb2lab, xyz2lab
from skimage.color.colorconv import xyz_from_rgb
from skimage.draw import polygon2mask
from skimage.measure import find_contours, label

from maskaug.core.arrays import Image
from maskaug.core.color import LUMA

Plane = NDArray[np.float32]
Region = NDArray[np.bool_]
Points = NDArray[np.floating]

_HALF, _OPAQUE = 127, 250  # alpha from which a pixel counts as covered, and as nothing but mask
_EYES, _BROWS = ((36, 42), (42, 48)), ((17, 22), (22, 27))

_ACROSS = tuple(np.arange(first, first + 2.1, 0.5, dtype=np.float32) for first in (-1, -5, 3))  # rim, inside, outside
_HALO_LEVELS, _SMOOTHED = 6.0, 5
_FEWEST_POINTS, FEWEST_BLOCKS = 20, 4

# A flat picture rounded to whole levels still has this: 1 / sqrt(12) levels of noise, and as much again through the
# two Scharr kernels. Ratios of less would be ratios of rounding errors.
_ROUNDING_SIGMA = 12**-0.5
_ROUNDING_GRADIENT = 0.461 / 12


def rim_halo(image: Image, alpha: Image, landmarks: Points, original: Image | None = None) -> float | None:
    """Share of the mask's outline that is brighter than both sides by more than 6 levels of luma.

    The outline is the contour of alpha at a half, in steps of a pixel, where it bounds the mask's body (not a strap)
    and has nothing but mask 3 to 5 units inside and no mask 3 to 5 units outside. A unit is a pixel, or a hundredth of
    the distance between the eyes where that is more. Luma is read along the normal (bilinear), averaged over 5 steps
    along the outline; the brightest from -1 to 1 unit is compared with the means of the inside and of the outside.

    With the ``original`` picture it must be brighter by as much than that, too, at the same point: a strip of skin
    between a black mask and dark hair is no halo, and what lies between mask and picture never is one.
    """
    unit = max(1.0, 0.01 * eye_distance(landmarks))
    body, disc = mask_body(alpha, landmarks).astype(np.uint8), _disc(2.0)
    edge = ((cv2.dilate(body, disc) > 0) & (cv2.erode(body, disc) == 0)).astype(np.float32)
    cover, within = alpha.astype(np.float32), np.ones(alpha.shape, dtype=np.float32)
    brighter: list[Region] = []
    for contour in find_contours(cover, _HALF + 0.5):
        points, closed = _evenly(contour[:, ::-1])
        if len(points) < _SMOOTHED:
            continue
        outwards = _normals(points, closed, cover)
        rim, inside, outside = (points + offsets[:, None, None] * unit * outwards for offsets in _ACROSS)
        counted = (_sample(cover, inside) > 191).all(axis=0) & (_sample(cover, outside) < 64).all(axis=0)
        counted &= (_sample(within, inside[0]) > 0.99) & (_sample(within, outside[-1]) > 0.99)
        counted &= _sample(edge, np.round(points)) > 0
        mode = "wrap" if closed else "nearest"
        counted = minimum_filter1d(counted, _SMOOTHED, mode=mode)  # no average over what does not count

        def level(picture: Image, at: Plane, mode: str = mode) -> Plane:
            return uniform_filter1d(_sample(_luma(picture), at), _SMOOTHED, axis=1, mode=mode)

        sides = np.maximum(level(image, inside).mean(axis=0), level(image, outside).mean(axis=0))
        excess = level(image, rim) - sides
        if original is not None:
            excess = np.minimum(excess, level(image, rim) - level(original, rim))
        brighter.append((excess.max(axis=0) > _HALO_LEVELS)[counted])
    every = np.concatenate(brighter) if brighter else np.zeros(0, dtype=bool)
    return float(every.mean()) if len(every) >= _FEWEST_POINTS else None


def clipped_white(image: Image, alpha: Image) -> float | None:
    """Share of the opaque mask's pixels (alpha 250 and more, eroded by a pixel) whose channels are all 254 or 255."""
    inside = image[_opaque(alpha, 1.0)]
    return float((inside >= 254).all(axis=1).mean()) if len(inside) else None


def gradient_ratio(image: Image, region: Region, reference: Region, side: int) -> float | None:
    """Gradient energy in one region over that in another: of the mask over that of the visible skin.

    The energy of a block is the mean square of its luma's Scharr gradient, in levels per pixel; compared are the
    medians over the blocks of ``side`` pixels that lie in a region as a whole. None where either has fewer than 4.
    """
    plane = _luma(image)
    across, down = (cv2.Scharr(plane, cv2.CV_32F, *axes, scale=1 / 32) for axes in ((1, 0), (0, 1)))
    inside, outside = (blocks_of(across**2 + down**2, one, side) for one in (region, reference))
    return _ratio(inside, outside, _ROUNDING_GRADIENT)


def noise_ratio(image: Image, region: Region, reference: Region, side: int) -> float | None:
    """Noise in one region over that in another: of the mask over that of the visible skin.

    The noise of a block is Immerkaer's estimate of the standard deviation of its luma (1996: from the mean absolute
    response to the difference of two Laplacians); compared are medians as in :func:`gradient_ratio`.
    """
    kernel = np.outer([1, -2, 1], [1, -2, 1]).astype(np.float32)
    sigma = np.float32(np.sqrt(np.pi / 2) / 6) * np.abs(cv2.filter2D(_luma(image), cv2.CV_32F, kernel))
    return _ratio(blocks_of(sigma, region, side), blocks_of(sigma, reference, side), _ROUNDING_SIGMA)


def color_cast(image: Image, alpha: Image, original: Image) -> float | None:
    """Distance in CIELAB's a*b* plane from the opaque mask's mean to the neutral of the original picture's light.

    The light's colour is the shades-of-grey estimate (Finlayson and Trezzi 2004, Minkowski norm p = 6, over linear
    sRGB), at the mask's mean lightness. Only for masks of white or grey cloth does it say anything.
    """
    inside = _opaque(alpha, 1.0)
    if not inside.any():
        return None
    lightness, *chroma = rgb2lab(image[inside][None])[0].mean(axis=0)
    linear = _linear(original).reshape(-1, 3)
    light = xyz_from_rgb @ (linear**6).mean(axis=0) ** (1 / 6)
    # CIE: Y from L*.
    root = (lightness + 16) / 116
    luminance = root**3 if root > 6 / 29 else (root - 4 / 29) * 3 * (6 / 29) ** 2
    neutral = xyz2lab((light / light[1] * luminance)[None, None])[0, 0]
    return float(np.hypot(*(np.array(chroma) - neutral[1:])))


def coverage(alpha: Image, landmarks: Points) -> float | None:
    """Share of the polygon from the bridge of the nose (28) along the jaw (2 to 14) that the mask covers."""
    wanted = _polygon(landmarks[[28, *range(2, 15)]], alpha.shape)
    return float((alpha[wanted] > _HALF).mean()) if wanted.any() else None


def eyes_covered(alpha: Image, landmarks: Points) -> float | None:
    """Share of the two eyes, between their lids, that the mask covers; the lower lids end it (40, 41, 46, 47)."""
    eyes = _union([landmarks[first:last] for first, last in _EYES], alpha.shape)
    return float((alpha[eyes] > _HALF).mean()) if eyes.any() else None


def spill(alpha: Image, landmarks: Points) -> float | None:
    """Share of mask and straps outside the head: the hull of jaw and brows, grown by 10 % of the face's width."""
    covered = alpha > _HALF
    if not covered.any():
        return None
    reach = 0.1 * face_width(landmarks)
    pad = int(np.ceil(reach)) + 1
    shape = (alpha.shape[0] + 2 * pad, alpha.shape[1] + 2 * pad)
    hull = _polygon(_hull(landmarks[:27] + pad), shape).astype(np.uint8)
    head = cv2.dilate(hull, _disc(reach))[pad:-pad, pad:-pad] > 0
    return float((~head)[covered].mean())


def strap_floats(alpha: Image, landmarks: Points) -> bool | None:
    """Whether a strap ends in mid-face, more than 6 % of the face's width inside its outline.

    Its end is its point farthest from the mask's body. A strap is a connected part of what :func:`mask_body` takes
    away that reaches farther than 6 % of the face's width from the body. None without straps.
    """
    width = face_width(landmarks)
    body = mask_body(alpha, landmarks)
    if not body.any():
        return None
    away = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 5)
    parts = label((alpha > _HALF) & ~body, connectivity=2)
    # A face cut by the picture's edge does not end there.
    pad = int(np.ceil(0.06 * width)) + 1
    face = _polygon(face_outline(landmarks) + pad, (alpha.shape[0] + 2 * pad, alpha.shape[1] + 2 * pad))
    inner = cv2.erode(face.astype(np.uint8), _disc(0.06 * width))[pad:-pad, pad:-pad] > 0
    ends = [np.where(parts == part, away, -1.0) for part in range(1, parts.max() + 1)]
    ends = [end for end in ends if end.max() > 0.06 * width]
    return any(bool(inner.flat[end.argmax()]) for end in ends) if ends else None


def eye_distance(landmarks: Points) -> float:
    """Pixels between the centres of the eyes."""
    left, right = (landmarks[first:last].mean(axis=0) for first, last in _EYES)
    return float(np.hypot(*(right - left)))


def face_width(landmarks: Points) -> float:
    """Pixels between the jaw's two ends."""
    return float(np.hypot(*(landmarks[16] - landmarks[0])))


def face_outline(landmarks: Points) -> Points:
    """The hull ``(N, 2)`` of the jaw and of the brows raised by a quarter of their distance from the chin."""
    brows = landmarks[17:27]
    return _hull(np.concatenate([landmarks[:17], brows + 0.25 * (brows.mean(axis=0) - landmarks[8])]))


def mask_body(alpha: Image, landmarks: Points) -> Region:
    """The mask without its straps, ``(H, W) bool``: opened by a disc 8 % of the face's width across."""
    opened = cv2.morphologyEx((alpha > _HALF).astype(np.uint8), cv2.MORPH_OPEN, _disc(0.04 * face_width(landmarks)))
    return np.asarray(opened > 0)


def mask_region(alpha: Image, landmarks: Points) -> Region:
    """Nothing but mask, ``(H, W) bool``: opaque, and at least 2 pixels (4 % of the eyes' distance) from its outline."""
    opaque = _opaque(alpha, max(2.0, 0.04 * eye_distance(landmarks)))
    return opaque & mask_body(alpha, landmarks)


def skin_region(alpha: Image, landmarks: Points) -> Region:
    """Visible skin, ``(H, W) bool``: the face without the mask, eyes and brows, each with a margin."""
    unit, shape = eye_distance(landmarks), alpha.shape
    margin = max(2.0, 0.06 * unit)
    face = cv2.erode(_polygon(face_outline(landmarks), shape).astype(np.uint8), _disc(margin)) > 0
    features = _union([landmarks[first:last] for first, last in _EYES + _BROWS], shape).astype(np.uint8)
    taken = cv2.dilate((alpha > 0).astype(np.uint8), _disc(margin)) | cv2.dilate(features, _disc(0.15 * unit))
    return face & (taken == 0)


def blocks_of(values: Plane, region: Region, side: int) -> Plane:
    """Mean of ``values`` in each block of a grid of ``side`` pixels that lies in the region as a whole, ``(N,)``."""
    rows, columns = (size // side for size in region.shape)
    grid = (rows, side, columns, side)
    cut = np.s_[: rows * side, : columns * side]
    whole = region[cut].reshape(grid).all(axis=(1, 3))
    return np.asarray(values[cut].reshape(grid).mean(axis=(1, 3))[whole])


def lower_and_upper(region: Region) -> tuple[Region, Region]:
    """A region's lower and upper half, by its pixels."""
    rows = np.nonzero(region)[0]
    below = np.arange(region.shape[0])[:, None] >= (np.median(rows) if len(rows) else 0)
    return region & below, region & ~below


def block_side(landmarks: Points) -> int:
    """Pixels of a block's side: 12 % of the eyes' distance, at least 4."""
    return max(4, round(0.12 * eye_distance(landmarks)))


def _ratio(blocks: Plane, reference: Plane, least: float) -> float | None:
    if min(len(blocks), len(reference)) < FEWEST_BLOCKS:
        return None
    above, below = (max(float(np.median(values)), least) for values in (blocks, reference))
    return above / below


def _luma(image: Image) -> Plane:
    return image.astype(np.float32) @ LUMA


def _linear(image: Image) -> NDArray[np.float64]:
    """Linear sRGB, 0 to 1."""
    encoded = image / 255
    return np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)


def _opaque(alpha: Image, margin: float) -> Region:
    return np.asarray(cv2.erode((alpha >= _OPAQUE).astype(np.uint8), _disc(margin)) > 0)


def _disc(radius: float) -> Image:
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)


def _hull(points: Points) -> Points:
    return cv2.convexHull(points.astype(np.float32))[:, 0]


def _polygon(points: Points, shape: tuple[int, ...]) -> Region:
    """Pixels whose centres lie in the polygon."""
    return np.asarray(polygon2mask(shape, points[:, ::-1]))


def _union(polygons: list[Points], shape: tuple[int, ...]) -> Region:
    return np.any([_polygon(points, shape) for points in polygons], axis=0)


def _evenly(contour: Points) -> tuple[Plane, bool]:
    """Points a pixel apart along a contour, and whether it is closed."""
    closed = bool(np.allclose(contour[0], contour[-1]))
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(contour, axis=0).T))])
    at = np.linspace(0, along[-1], max(int(along[-1]), 1), endpoint=not closed)
    return np.stack([np.interp(at, along, contour[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32), closed


def _normals(points: Plane, closed: bool, cover: Plane) -> Plane:
    """Unit normals out of the mask, from the tangent over 5 steps."""
    padded = np.pad(points, ((2, 2), (0, 0)), mode="wrap" if closed else "edge")
    tangent = padded[4:] - padded[:-4]
    tangent /= np.maximum(np.hypot(*tangent.T), 1e-6)[:, None]
    normals = tangent[:, ::-1] * np.array([1, -1], dtype=np.float32)
    inwards = _sample(cover, points + 1.5 * normals) > _sample(cover, points - 1.5 * normals)
    return np.where(inwards[:, None], -normals, normals)


def _sample(plane: Plane, points: Plane) -> Plane:
    """Bilinear values at ``(..., 2)`` points; 0 outside the picture."""
    flat = points.reshape(-1, 1, 2).astype(np.float32)
    values = cv2.remap(plane, flat, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0.0)
    return np.asarray(values).reshape(points.shape[:-1])
