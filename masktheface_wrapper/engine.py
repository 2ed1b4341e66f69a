"""`MaskEngine`: finds faces, draws how a mask sits, and puts it on."""

from collections.abc import Iterator, Mapping

import numpy as np

from maskaug.assets import standard_pack
from maskaug.masktheface_wrapper.composite import composite, merge
from maskaug.masktheface_wrapper.finder import FaceFinder
from maskaug.masktheface_wrapper.contact import touch
from maskaug.masktheface_wrapper.fit import fit_shell
from maskaug.masktheface_wrapper.landmarks import face_unit
from maskaug.masktheface_wrapper.light import shade
from maskaug.masktheface_wrapper.optics import grain_tile, lift, read_blur, read_grain, soften
from maskaug.masktheface_wrapper.overlay import Face, Image, Overlay, Points, Wearing
from maskaug.masktheface_wrapper.packs import load_pack
from maskaug.masktheface_wrapper.pose import Camera, fit_camera
from maskaug.masktheface_wrapper.quality import assess
from maskaug.masktheface_wrapper.shell import shell
from maskaug.masktheface_wrapper.shrink import shrink
from maskaug.masktheface_wrapper.skin import read_skin
from maskaug.masktheface_wrapper.sprite import sprite_for, warp_sprite
from maskaug.masktheface_wrapper.straps import hide_behind_hair, strap_layers
from maskaug.masktheface_wrapper.template import Pack, PackError, Template
from maskaug.masktheface_wrapper.warp import Layer, warp

# How differently people wear the same mask; standard deviations, and a limit at twice that.
_SHIFT_X_MM, _SHIFT_Y_MM, _TILT_DEGREES, _SCALE = 1.2, 1.8, 1.2, 0.012

_LARGEST_FACE = 300.0  # pixels between the eyes; a mask is then about as large as the part of a template one sees


class MaskEngine:
    """Finds faces in a picture and puts masks on them.

    Drawing at random (:meth:`draw`) and putting on (:meth:`apply`) are two steps: the second is
    deterministic, so that what was drawn can be kept and replayed to equal pixels.
    """

    def __init__(self, finder: FaceFinder, pack: Pack) -> None:
        self.finder = finder
        self.pack = pack

    @classmethod
    def default(cls) -> "MaskEngine":
        """The engine with the default cascade and the templates that ship with it; loads the models once.

        Raises:
            ModelError: a model file is missing.
        """
        return cls(FaceFinder(), load_pack(standard_pack()))

    def find(self, image: Image) -> list[Face]:
        """Faces in an ``(H, W, 3) uint8`` RGB picture, largest first; empty if there are none."""
        return self.finder.find(image)

    def draw(self, rng: np.random.Generator, kinds: str | Mapping[str, float] | None = None) -> Wearing:
        """Draw a template, and how it sits.

        Args:
            rng: Where every random number comes from.
            kinds: A kind, or weights by kind; all kinds of the pack equally often if None.

        Raises:
            PackError: the pack has no mask of a kind.
            ValueError: the weights are negative or all 0.
        """
        kind = _pick(rng, self._weights(kinds))
        templates = self.pack.of_kind(kind)
        name = _pick(rng, {template.name: template.weight for template in templates})
        across, down, tilt, scale = np.clip(rng.standard_normal(4), -2, 2)
        return Wearing(
            template=name,
            kind=kind,
            shift_x=round(float(across * _SHIFT_X_MM), 3),
            shift_y=round(float(down * _SHIFT_Y_MM), 3),
            tilt=round(float(tilt * _TILT_DEGREES), 3),
            scale=round(float(1 + scale * _SCALE), 4),
        )

    def apply(self, image: Image, face: Face, wearing: Wearing) -> Overlay:
        """Put the mask that ``wearing`` describes on ``face``: the same arguments give equal pixels.

        Args:
            image: ``(H, W, 3) uint8`` RGB; it is not changed.
            face: One of its faces.
            wearing: From :meth:`draw`, or made by hand.

        Raises:
            PackError: the pack has no such template.
            ValueError: the picture has another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be (H, W, 3) uint8 RGB, but got {image.shape} {image.dtype}")
        template = self._template(wearing.template)
        # Templates have no detail for larger faces: there the mask is drawn smaller, and enlarged.
        shrink = min(1.0, _LARGEST_FACE / face_unit(face.landmarks))
        layer, camera = _dress(*_shrunk(image, face.landmarks, shrink), template, wearing)
        if layer is None:
            masked, alpha = image.copy(), np.zeros(image.shape[:2], dtype=np.uint8)
        else:
            grain = read_grain(image, face.landmarks, read_skin(image, face.landmarks))
            tile = grain_tile(grain, layer, 1 / shrink, np.random.default_rng(wearing.seed)) if grain else None
            masked, alpha = composite(image, layer, 1 / shrink, tile)
        quality = assess(face, camera, alpha)
        return Overlay(
            image=masked,
            alpha=alpha,
            face=face,
            pose=camera.pose,
            wearing=wearing,
            quality=quality.score,
            reasons=quality.reasons,
            features=quality.features,
        )

    def wear(
        self,
        image: Image,
        kind: str | Mapping[str, float] | None = None,
        *,
        rng: np.random.Generator,
    ) -> Iterator[Overlay]:
        """Find every face and mask it, largest first; each overlay's picture carries the masks before it."""
        for face in self.find(image):
            overlay = self.apply(image, face, self.draw(rng, kind))
            image = overlay.image
            yield overlay

    def _template(self, name: str) -> Template:
        try:
            return self.pack.templates[name]
        except KeyError:
            known = ", ".join(self.pack.templates)
            raise PackError(f"pack {self.pack.name!r} has no template {name!r}; it has {known}") from None

    def _weights(self, kinds: str | Mapping[str, float] | None) -> dict[str, float]:
        if kinds is None:
            return dict.fromkeys(self.pack.kinds, 1.0)
        return {kinds: 1.0} if isinstance(kinds, str) else dict(kinds)


def _dress(image: Image, landmarks: Points, template: Template, wearing: Wearing) -> tuple[Layer | None, Camera]:
    """Fit, draw and light a mask: its layer, None if all of it lies outside the picture, and the head's pose."""
    size = (image.shape[0], image.shape[1])
    camera = fit_camera(landmarks)
    mesh = fit_shell(shell(template.shell or "wrap"), landmarks, camera, wearing)
    if template.shell is None:
        mask = warp_sprite(sprite_for(template, camera.pose.yaw), mesh, size)
    else:
        mask = warp(template, mesh, size)
    skin = read_skin(image, landmarks)
    layers = strap_layers(template.straps, mesh, camera, size) if template.straps else []
    if template.straps and template.straps.style == "ear_loops":
        layers = [hide_behind_hair(layer, image, skin) for layer in layers]
    if mask is not None:
        layers.append(mask)
    if not layers:
        return None, camera
    layer = soften(shade(merge(layers), image, skin), read_blur(image, landmarks))
    grain = read_grain(image, landmarks, skin)
    if grain is not None:
        layer = lift(layer, grain, face_unit(landmarks))
    return touch(layer, face_unit(landmarks), size), camera


def _shrunk(image: Image, landmarks: Points, factor: float) -> tuple[Image, Points]:
    if factor == 1:
        return image, landmarks
    # Pixel centres are at whole numbers in either grid.
    return shrink(image, factor), ((landmarks + 0.5) * factor - 0.5).astype(np.float32)


def _pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """One of the names, with a probability in proportion to its weight."""
    total = sum(weights.values())
    if total <= 0 or min(weights.values()) < 0:
        raise ValueError(f"weights must be 0 or more and not all 0, but got {dict(weights)}")
    threshold = rng.random() * total
    for name, weight in weights.items():
        threshold -= weight
        if threshold < 0:
            return name
    return list(weights)[-1]
