"""Straps end where a face lets them end: behind an ear, behind hair, or out of the picture."""

from dataclasses import dataclass

import numpy as np
import pytest

from maskaug.masktheface_wrapper import MaskParams
from maskaug.masktheface_wrapper.cloth.fabric import hex_to_rgb
from maskaug.masktheface_wrapper.fit import straps
from maskaug.masktheface_wrapper.fit.mesh import fit_shell
from maskaug.masktheface_wrapper.measure.skin import Skin

MASK = MaskParams(template="kn95_white", kind="kn95")


def drawn(engine, image, face, skin=None):
    """How far straps cover each pixel, ``(H, W)``."""
    context = engine.measure(image, face)
    template = engine.pack.templates[MASK.template]
    mesh = fit_shell(template.shell, face.landmarks, context.camera, MASK)
    given = {"image": image, "skin": context.skin if skin is None else skin}
    layers = straps.strap_layers(template.straps, hex_to_rgb("#ff0000"), mesh, context.camera, **given)
    alpha = np.zeros(image.shape[:2])
    for layer in layers:
        alpha[layer.window] = np.maximum(alpha[layer.window], layer.alpha)
    return alpha


@dataclass(frozen=True)
class OneLikeness(Skin):
    """Skin that finds every colour equally like its own."""

    value: float = 1.0

    def likeness(self, pixels):
        return np.full(pixels.shape[:-1], self.value, dtype=np.float32)


@pytest.fixture
def all_skin(engine, photo, face):
    return OneLikeness(engine.measure(photo, face).skin.color, 1.0)


@pytest.fixture
def no_skin(all_skin):
    return OneLikeness(all_skin.color, 0.0)


def test_a_strap_runs_out_of_a_crop_that_cuts_off_the_ear(engine, photo, face, all_skin):
    right = round(float(face.landmarks[16, 0])) + 3
    crop = np.ascontiguousarray(photo[:, :right])
    assert drawn(engine, crop, face, all_skin)[:, -1].max() > 0.2, "it reaches the edge"
    roomy = drawn(engine, photo, face, all_skin)
    assert roomy[:, right - 1 :].any(), "with room for it, it goes to the ear"
    assert not roomy[:, -1].any()


def test_a_strap_that_hair_hides_from_the_start_is_no_stub(engine, photo, face, no_skin):
    assert not drawn(engine, photo, face, no_skin).any()


def test_a_strap_fades_as_it_goes_round(engine, photo, face, all_skin):
    alpha = drawn(engine, photo, face, all_skin)
    columns = np.flatnonzero(alpha.any(axis=0))
    assert alpha[:, columns[-1]].max() < 0.5 * alpha.max()


@pytest.mark.parametrize(
    ("on_skin", "seen"),
    [
        ("1111111111", 10),
        ("1111000000", 4),  # hair hides the ear
        ("1100011111", 10),  # sideburns, then the ear
        ("0000000000", 0),
    ],
)
def test_how_much_of_a_loop_is_seen(on_skin, seen):
    assert straps._seen_until([one == "1" for one in on_skin]) == seen


def test_a_face_outside_the_picture_has_no_skin_to_ask(photo, all_skin):
    outside = np.array([(-50.0, 10.0), (900.0, 10.0)], dtype=np.float32)
    assert (straps._likeness_at(outside, photo, all_skin) == 1).all()
