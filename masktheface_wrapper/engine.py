"""`MaskEngine`: finds faces, draws how a mask sits, and puts it on."""

from collections.abc import Iterator, Mapping

import numpy as np

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image
from maskaug.core.faces import Face
from maskaug.masktheface_wrapper.blend.composite import merge
from maskaug.masktheface_wrapper.blend.foreground import hide_behind_foreground
from maskaug.masktheface_wrapper.blend.harmonize import harmonize
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb, render_cloth
from maskaug.masktheface_wrapper.cloth.packs import load_pack
from maskaug.masktheface_wrapper.cloth.sampling import MaskDistribution, sample_mask
from maskaug.masktheface_wrapper.cloth.template import Pack, PackError, Template
from maskaug.masktheface_wrapper.detect.finder import FaceFinder
from maskaug.masktheface_wrapper.fit.mesh import fit_shell
from maskaug.masktheface_wrapper.fit.sprite import sprite_for, warp_sprite
from maskaug.masktheface_wrapper.fit.straps import hide_behind_hair, strap_layers
from maskaug.masktheface_wrapper.fit.warp import warp
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import FaceContext, measure_face
from maskaug.masktheface_wrapper.occluders import OccluderParams, null_overlay, render_occluder, sample_null_mask
from maskaug.masktheface_wrapper.overlay import MaskParams, Overlay
from maskaug.masktheface_wrapper.quality import assess


class MaskEngine:
    """Finds faces in a picture and puts masks on them.

    Drawing at random (:meth:`sample`) and putting on (:meth:`apply`) are two steps: the second is
    deterministic, so that what was drawn can be kept and replayed to equal pixels.
    """

    def __init__(self, finder: FaceFinder | None, pack: Pack, textures: Mapping[str, Image] | None = None) -> None:
        """An engine with these templates.

        Args:
            finder: Finds faces; None loads no model, and masks only faces whose landmarks the caller has.
            pack: Its masks.
            textures: Prints of the user's, ``(h, w, 3) uint8`` RGB by name; see :func:`load_textures`.
        """
        self._finder = finder
        self.pack = pack
        self.textures = dict(textures or {})

    @classmethod
    def default(cls) -> "MaskEngine":
        """The engine with the default cascade and the templates that ship with it; loads the models once.

        Raises:
            ModelError: a model file is missing.
        """
        return cls(FaceFinder(), load_pack(standard_pack()))

    @property
    def finder(self) -> FaceFinder:
        """What finds faces.

        Raises:
            ValueError: the engine was made without one.
        """
        if self._finder is None:
            raise ValueError("this engine was made without a finder; make it with MaskEngine(FaceFinder(), pack)")
        return self._finder

    def find(self, image: Image) -> list[Face]:
        """Faces in an ``(H, W, 3) uint8`` RGB picture, largest first; empty if there are none.

        Raises:
            ValueError: the engine was made without a finder.
        """
        return self.finder.find(image)

    def sample(
        self, rng: np.random.Generator, distribution: MaskDistribution | str | Mapping[str, float] | None = None
    ) -> MaskParams:
        """Draw a template, its cloth, and how it sits.

        Args:
            rng: Where every random number comes from.
            choice: What may be drawn; or only a kind, or weights by kind. None: anything the pack has.

        Raises:
            PackError: the pack has no mask of a kind.
            ValueError: the weights are negative or all 0.
        """
        if isinstance(distribution, str):
            distribution = MaskDistribution(kinds={distribution: 1.0})
        elif not isinstance(distribution, MaskDistribution):
            distribution = MaskDistribution(kinds=distribution)
        return sample_mask(rng, self.pack, distribution)

    def measure(self, image: Image, face: Face) -> FaceContext:
        """What :meth:`apply` measures of a face first: read once, it serves many masks on the same picture.

        Args:
            image: ``(H, W, 3) uint8`` RGB.
            face: One of its faces.

        Raises:
            ValueError: the picture has another shape or type.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"image must be (H, W, 3) uint8 RGB, but got {image.shape} {image.dtype}")
        return measure_face(image, face.landmarks)

    def apply(self, image: Image, face: Face, params: MaskParams, context: FaceContext | None = None) -> Overlay:
        """Put the mask that ``wearing`` describes on ``face``: the same arguments give equal pixels.

        Args:
            image: ``(H, W, 3) uint8`` RGB; it is not changed.
            face: One of its faces.
            wearing: From :meth:`sample`, or made by hand.
            scene: Of this picture and face, from :meth:`measure`; None: it is read.

        Raises:
            PackError: the pack has no such template, or there is no such texture.
            ValueError: the picture has another shape or type.
        """
        template = self._template(params.template)
        if context is None:
            context = self.measure(image, face)
        layer = self._dress(context, template, params)
        if layer is None:
            masked, alpha = image.copy(), np.zeros(image.shape[:2], dtype=np.uint8)
        else:
            masked, alpha = harmonize(image, layer, context, params.seed)
        quality = assess(face, context, alpha, params.wear)
        return Overlay(
            image=masked,
            alpha=alpha,
            face=face,
            pose=context.camera.pose,
            params=params,
            quality=quality.score,
            reasons=quality.reasons,
            features=quality.features,
        )

    def occlude(self, image: Image, face: Face, occluder: OccluderParams, context: FaceContext | None = None) -> Image:
        """Put the thing that ``prop`` describes before ``face``: the same arguments give equal pixels.

        What it draws is no mask; it is lit, softened, roughened and laid on as a mask is, so that only the thing
        itself tells the two apart.

        Args:
            image: ``(H, W, 3) uint8`` RGB; it is not changed.
            face: One of its faces.
            prop: From :func:`sample_occluder`, or made by hand.
            scene: Of this picture and face, from :meth:`measure`; None: it is read.

        Returns:
            A new ``(H, W, 3) uint8`` RGB picture.

        Raises:
            ValueError: the picture has another shape or type.
        """
        if context is None:
            context = self.measure(image, face)
        if occluder.kind == "ghost":
            params = sample_null_mask(occluder, self.pack)
            dressed = null_overlay(self._dress(context, self._template(params.template), params), context)
        else:
            dressed = render_occluder(occluder, context)
        if dressed is None:
            return image.copy()
        layer, finish = dressed
        return harmonize(image, layer, context, occluder.seed, finish)[0]

    def wear(
        self,
        image: Image,
        kind: str | Mapping[str, float] | None = None,
        *,
        rng: np.random.Generator,
    ) -> Iterator[Overlay]:
        """Find every face and mask it, largest first; each overlay's picture carries the masks before it."""
        for face in self.find(image):
            overlay = self.apply(image, face, self.sample(rng, kind))
            image = overlay.image
            yield overlay

    def _template(self, name: str) -> Template:
        try:
            return self.pack.templates[name]
        except KeyError:
            known = ", ".join(self.pack.templates)
            raise PackError(f"pack {self.pack.name!r} has no template {name!r}; it has {known}") from None

    def _dress(self, context: FaceContext, template: Template, params: MaskParams) -> Layer | None:
        """Fit and draw a mask; None if all of it lies outside the picture."""
        image, landmarks, camera, skin = context.image, context.landmarks, context.camera, context.skin
        size = (image.shape[0], image.shape[1])
        mesh = fit_shell(template.shell or "wrap", landmarks, camera, params)
        if template.shell is None:
            template = sprite_for(template, camera.pose.yaw)
        draw = warp_sprite if template.shell is None else warp
        mask = draw(template, mesh, size, lambda level: render_cloth(template, level, params, self.textures))
        layers = []
        if template.straps:
            color = hex_to_rgb(params.strap_color) if params.strap_color else template.straps.color
            layers = strap_layers(template.straps, color, mesh, camera, size)
            if template.straps.style == "ear_loops":
                layers = [hide_behind_hair(layer, image, skin) for layer in layers]
        if mask is not None:
            layers.append(mask)
        if not layers:
            return None
        return hide_behind_foreground(merge(layers), image, landmarks, skin)
