"""`MaskEngine`: finds faces, samples how a mask sits, and puts it on; the one place that knows the order of steps."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image, check_image
from maskaug.core.faces import Face
from maskaug.core.turns import turn_image
from maskaug.masktheface_wrapper.blend.composite import merge
from maskaug.masktheface_wrapper.blend.foreground import hide_behind
from maskaug.masktheface_wrapper.blend.harmonize import harmonize
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb, render_cloth
from maskaug.masktheface_wrapper.cloth.packs import load_pack
from maskaug.masktheface_wrapper.cloth.sampling import MaskDistribution, sample_mask
from maskaug.masktheface_wrapper.cloth.template import Pack, PackError, Template
from maskaug.masktheface_wrapper.detect.finder import FaceFinder
from maskaug.masktheface_wrapper.detect.placement import placement_probability
from maskaug.masktheface_wrapper.fit.mesh import fit_correction, fit_shell
from maskaug.masktheface_wrapper.fit.sprite import sprite_for, warp_sprite
from maskaug.masktheface_wrapper.fit.straps import strap_layers
from maskaug.masktheface_wrapper.fit.warp import warp
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.measure.context import FaceContext, measure_face
from maskaug.masktheface_wrapper.occluders import OCCLUDERS, OccluderParams, null_overlay, sample_null_mask
from maskaug.masktheface_wrapper.occluders.registry import Rendered
from maskaug.masktheface_wrapper.overlay import MaskParams, Overlay
from maskaug.masktheface_wrapper.quality import assess


class MaskEngine:
    """Finds faces in a picture and puts masks on them.

    Sampling (:meth:`sample`) and putting on (:meth:`apply`) are two steps. The second is deterministic, so that
    what was sampled can be kept, and replayed to equal pixels.

    Attributes:
        pack: The masks it has.
        textures: The user's prints, ``(h, w, 3) uint8`` RGB by name.
    """

    def __init__(self, finder: FaceFinder | None, pack: Pack, textures: Mapping[str, Image] | None = None) -> None:
        """Make an engine with these templates.

        Args:
            finder: Finds faces; with None, only faces whose landmarks the caller knows can be masked.
            pack: The masks.
            textures: The user's prints, ``(h, w, 3) uint8`` RGB by name; see :func:`load_textures`.
        """
        self._finder = finder
        self.pack = pack
        self.textures = dict(textures or {})

    @classmethod
    def default(cls) -> "MaskEngine":
        """Load the default cascade of detectors, and the templates that ship with the package.

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
            TypeError, ValueError: it is no such picture, or the engine was made without a finder.
        """
        return self.finder.find(image)

    def sample(
        self, rng: np.random.Generator, distribution: MaskDistribution | str | Mapping[str, float] | None = None
    ) -> MaskParams:
        """Sample a template, its cloth, and how it sits.

        Args:
            rng: Where every random number comes from.
            distribution: What may be sampled; or only a kind, or weights by kind. None: anything the pack has.

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
        """Measure what :meth:`apply` needs to know of a face; once is enough for many masks on the same picture.

        A face on its side or upside down is measured in the picture turned so that it stands upright.

        Args:
            image: ``(H, W, 3) uint8`` RGB.
            face: One of its faces.

        Raises:
            TypeError, ValueError: it is no such picture.
        """
        check_image(image)
        image, face = _upright(image, face)
        known = face.placement
        return measure_face(image, face.landmarks, placement_probability if known is None else lambda *_: known)

    def apply(
        self,
        image: Image,
        face: Face,
        params: MaskParams,
        context: FaceContext | None = None,
        *,
        in_place: bool = False,
    ) -> Overlay:
        """Put the mask that ``params`` describes on ``face``; the same arguments give equal pixels.

        Args:
            image: ``(H, W, 3) uint8`` RGB.
            face: One of its faces.
            params: From :meth:`sample`, or made by hand.
            context: Of this picture and face, from :meth:`measure`; None: it is measured.
            in_place: Whether the mask is put on the picture itself, where the face is upright; else it is not changed.
                In a large picture that takes less time than a copy.

        Raises:
            PackError: the pack has no such template, or there is no such texture.
            TypeError, ValueError: it is no such picture.
        """
        check_image(image)
        if face.turns:
            turned = self.apply(*_upright(image, face), params, context)
            return replace(
                turned,
                image=turn_image(turned.image, -face.turns),
                alpha=turn_image(turned.alpha, -face.turns),
                face=face,
                pose=replace(turned.pose, roll=(turned.pose.roll + 90 * face.turns + 180) % 360 - 180),
            )
        if context is None:
            context = self.measure(image, face)
        placement = context.placement  # looked at before the mask lies on it
        masked, alpha = self.put_on(image, face, params, context, in_place=in_place)
        quality = assess(face, context, placement, alpha, params.wear)
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

    def put_on(
        self,
        image: Image,
        face: Face,
        params: MaskParams,
        context: FaceContext | None = None,
        *,
        in_place: bool = False,
    ) -> tuple[Image, NDArray[np.uint8]]:
        """Put on the mask as :meth:`apply` does, but say nothing of its quality, which takes longer to tell.

        Args and errors are those of :meth:`apply`.

        Returns:
            The picture with the mask, ``(H, W, 3) uint8`` RGB, and what the mask covers, ``(H, W) uint8``.
        """
        check_image(image)
        if face.turns:
            masked, alpha = self.put_on(*_upright(image, face), params, context)
            return turn_image(masked, -face.turns), turn_image(alpha, -face.turns)
        template = self._template(params.template)
        if context is None:
            context = self.measure(image, face)
        layer = self._render(context, template, params)
        if layer is None:
            return image if in_place else image.copy(), np.zeros(image.shape[:2], dtype=np.uint8)
        return harmonize(image, layer, context, params.seed, in_place=in_place)

    def occlude(self, image: Image, face: Face, occluder: OccluderParams, context: FaceContext | None = None) -> Image:
        """Put the thing that ``occluder`` describes before ``face``; the same arguments give equal pixels.

        It is no mask, but is lit, softened, roughened and laid on as a mask is, so that only the thing itself tells
        the two apart.

        Args:
            image: ``(H, W, 3) uint8`` RGB; it is not changed.
            face: One of its faces.
            occluder: From :func:`sample_occluder`, or made by hand.
            context: Of this picture and face, from :meth:`measure`; None: it is measured.

        Returns:
            A new ``(H, W, 3) uint8`` RGB picture.

        Raises:
            TypeError, ValueError: it is no such picture.
        """
        check_image(image)
        if face.turns:
            return turn_image(self.occlude(*_upright(image, face), occluder, context), -face.turns)
        if context is None:
            context = self.measure(image, face)
        render = OCCLUDERS[occluder.kind].render or self._render_null_overlay
        rendered = render(occluder, context)
        if rendered is None:
            return image.copy()
        layer, steps = rendered
        return harmonize(image, layer, context, occluder.seed, steps)[0]

    def wear(
        self,
        image: Image,
        kind: str | Mapping[str, float] | None = None,
        *,
        rng: np.random.Generator,
    ) -> Iterator[Overlay]:
        """Find every face and mask it, largest first; each overlay's picture also shows the masks put on before it.

        Args:
            image: ``(H, W, 3) uint8`` RGB; it is not changed.
            kind: A kind of mask, or weights by kind; None: anything the pack has.
            rng: Where every random number comes from.

        Raises:
            PackError: the pack has no mask of a kind.
            TypeError, ValueError: it is no such picture, or the engine was made without a finder.
        """
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

    def _render_null_overlay(self, occluder: OccluderParams, context: FaceContext) -> Rendered:
        params = sample_null_mask(occluder, self.pack)
        return null_overlay(self._render(context, self._template(params.template), params), context)

    def _render(self, context: FaceContext, template: Template, params: MaskParams) -> Layer | None:
        """Fit and render a mask; None if all of it lies outside the picture."""
        image, landmarks, camera, skin = context.image, context.landmarks, context.camera, context.skin
        size = (image.shape[0], image.shape[1])
        cut = template.shell or "wrap"
        if cut not in context.corrections:
            context.corrections[cut] = fit_correction(cut, landmarks, camera)
        mesh = fit_shell(cut, landmarks, camera, params, context.corrections[cut])
        if template.shell is None:
            template = sprite_for(template, camera.pose.yaw)
        render = warp_sprite if template.shell is None else warp
        mask = render(template, mesh, size, lambda level: render_cloth(template, level, params, self.textures))
        layers = []
        if template.straps:
            color = hex_to_rgb(params.strap_color) if params.strap_color else template.straps.color
            layers = strap_layers(template.straps, color, mesh, camera, image=image, skin=skin)
        if mask is not None:
            layers.append(mask)
        if not layers:
            return None
        return hide_behind(merge(layers), context.foreground)


def _upright(image: Image, face: Face) -> tuple[Image, Face]:
    """The picture turned so that the face stands upright, and the face there; what is upright stays as it is."""
    turns = face.turns
    return (turn_image(image, turns), face.turned(turns, image.shape[:2])) if turns else (image, face)
