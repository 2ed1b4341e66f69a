"""Occluders: things before an unmasked face, and what each may and may not change."""

import astronaut
import numpy as np
import pytest
from pydantic import ValidationError

from maskaug.masktheface_wrapper import MaskEngine, MaskParams, OccluderParams, face_from_landmarks, sample_occluder
from maskaug.masktheface_wrapper.blend.harmonize import HarmonizeSteps, harmonize
from maskaug.masktheface_wrapper.layer import Layer
from maskaug.masktheface_wrapper.occluders import OCCLUDERS, OccluderSpec, register
from maskaug.masktheface_wrapper.occluders.drawing.canvas import canvas_in, face_frame

STYLES = {name: spec.styles for name, spec in OCCLUDERS.items()}
KINDS = list(STYLES)
BOTH_CLASSES = {"sunglasses", "hat"}
STYLED = [(kind, style) for kind, styles in STYLES.items() for style in styles]


@pytest.fixture(scope="module")
def small(engine):
    """A face as small as those in training, (168, 168, 3) uint8, and where it is."""
    image = astronaut.face(168, tight=1.6)
    return image, engine.find(image)[0]


def drawn(kind, seed=0, style=None):
    rng = np.random.default_rng(seed)
    while True:
        occluder = sample_occluder(rng, {kind: 1.0})
        if style in (None, occluder.style):
            return occluder


def changed(image, held):
    return np.abs(image.astype(int) - held.astype(int)).max(axis=-1)


@pytest.mark.parametrize(("kind", "style"), STYLED)
def test_replaying_gives_equal_pixels_and_leaves_the_input(engine, small, kind, style):
    image, face = small
    before = image.copy()
    occluder = drawn(kind, style=style)
    first = engine.occlude(image, face, occluder)
    again = engine.occlude(
        image, face, OccluderParams.model_validate_json(occluder.model_dump_json()), engine.measure(image, face)
    )
    assert first.shape == image.shape
    assert first.dtype == np.uint8
    assert first is not image
    assert (first == again).all()
    assert (image == before).all()


def test_samples_cover_all_kinds_and_styles():
    rng = np.random.default_rng(0)
    usual = [sample_occluder(rng) for _ in range(600)]
    assert {occluder.kind for occluder in usual} == set(KINDS) - BOTH_CLASSES
    every = [sample_occluder(rng, dict.fromkeys(KINDS, 1.0)) for _ in range(1500)]
    assert {(occluder.kind, occluder.style) for occluder in every} == set(STYLED)
    with pytest.raises(ValueError, match="weights"):
        sample_occluder(rng, {"beard": 0.0})


def test_a_seed_samples_one_occluder():
    assert sample_occluder(np.random.default_rng(5)) == sample_occluder(np.random.default_rng(5))


def test_an_unknown_kind_style_or_field_is_rejected():
    with pytest.raises(ValidationError, match="no occluder 'cigar'; there are beard, "):
        OccluderParams(kind="cigar")
    with pytest.raises(ValidationError, match="has no style"):
        OccluderParams(kind="beard", style="mug")
    with pytest.raises(ValidationError):
        OccluderParams.model_validate({"kind": "beard", "template": "n95_white"})


@pytest.mark.parametrize("kind", KINDS)
def test_an_occluder_without_parameters_is_usual(engine, small, kind):
    image, face = small
    assert (engine.occlude(image, face, OccluderParams(kind=kind)) != image).any()


@pytest.mark.parametrize("kind", ["beard", "moustache"])
@pytest.mark.parametrize("seed", range(6))
def test_facial_hair_leaves_nose_and_eyes(engine, small, kind, seed):
    image, face = small
    difference = changed(image, engine.occlude(image, face, drawn(kind, seed)))
    nose = face.landmarks[31:36, 1].min()
    assert difference[int(nose) :].max() > 30
    assert difference[: int(face.landmarks[36:48, 1].max())].max() == 0
    left, right = int(face.landmarks[31, 0]), int(face.landmarks[35, 0])
    assert difference[: int(nose) - 2, left:right].max() <= 2


@pytest.mark.parametrize("kind", sorted(BOTH_CLASSES))
@pytest.mark.parametrize("seed", range(12))
def test_what_goes_with_a_mask_changes_nothing_below_the_nostrils(engine, small, kind, seed):
    image, face = small
    difference = changed(image, engine.occlude(image, face, drawn(kind, seed)))
    assert difference[int(np.ceil(face.landmarks[31:36, 1].max())) :].max() == 0
    assert difference.max() > 60


def test_it_goes_with_a_mask(engine, small):
    image, face = small
    masked = engine.apply(image, face, MaskParams(template="n95_white", kind="n95")).image
    held = engine.occlude(masked, face, drawn("sunglasses"))
    assert (held != masked).any()


@pytest.mark.parametrize("seed", range(12))
def test_a_scarf_leaves_mouth_and_nose_free(engine, small, seed):
    image, face = small
    difference = changed(image, engine.occlude(image, face, drawn("scarf", seed)))
    left, right = np.round(face.landmarks[[48, 54], 0]).astype(int)
    lips = int(face.landmarks[57, 1])
    assert difference[:lips, left:right].max() == 0
    assert difference[int(face.landmarks[8, 1]) :].max() > 30


@pytest.mark.parametrize("kind", ["hand", "microphone", "cup"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_held_is_before_mouth_or_chin(engine, small, kind, seed):
    image, face = small
    difference = changed(image, engine.occlude(image, face, drawn(kind, seed)))
    left, right = np.round(face.landmarks[[4, 12], 0]).astype(int)
    top, bottom = int(face.landmarks[33, 1]), int(face.landmarks[8, 1])
    assert (difference[top:bottom, left:right] > 20).mean() > 0.05


@pytest.mark.parametrize("style", STYLES["damage"])
def test_damage_stays_about_the_mouth(engine, small, style):
    image, face = small
    difference = changed(image, engine.occlude(image, face, drawn("damage", 2, style)))
    assert difference.any()
    assert difference[: int(face.landmarks[36:48, 1].min())].max() == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_null_overlay_looks_as_the_face_did(engine, small, seed):
    image, face = small
    traces = engine.occlude(image, face, drawn("null_overlay", seed)).astype(float)
    assert (traces != image).mean() > 0.02
    assert np.abs(traces - image).mean() < 2
    assert abs(float((traces - image).mean())) < 0.5


def test_a_third_of_the_patches_or_more_are_at_the_mouth():
    rng = np.random.default_rng(1)
    patches = [sample_occluder(rng, {"patch": 1.0}) for _ in range(600)]
    near = np.mean([abs(occluder.shift_x) < 24 and abs(occluder.shift_y) < 24 for occluder in patches])
    assert 0.3 < near < 0.55


@pytest.mark.parametrize("kind", KINDS)
def test_it_works_at_the_edge_on_tiny_squeezed_and_turned_faces(kind):
    engine = MaskEngine(None, _pack())
    image, points = _synthetic()
    for scale, aspect, shift in ((1.0, 1.0, (-40, 30)), (0.12, 1.0, (0, 0)), (0.6, 0.7, (0, 0)), (1.0, 1.0, (400, 0))):
        moved = (points * (scale, scale * aspect) + shift).astype(np.float32)
        moved[:, 0] += 0.25 * scale * (points[:, 1] - 80)  # leaning
        for style in STYLES[kind]:
            held = engine.occlude(image, face_from_landmarks(moved), drawn(kind, 3, style))
            assert held.shape == image.shape
            assert held.dtype == np.uint8


@pytest.mark.slow
def test_a_large_face_is_seen_smaller(engine):
    image = astronaut.face(1400, tight=1.3)
    face = engine.find(image)[0]
    for kind in KINDS:
        held = engine.occlude(image, face, drawn(kind, 1))
        assert held.shape == image.shape
        assert (held != image).any()


def test_a_picture_of_another_type_is_rejected(engine, small):
    image, face = small
    with pytest.raises(ValueError, match="uint8"):
        engine.occlude(image.astype(float), face, OccluderParams(kind="beard"))


def _pack():
    from maskaug.assets import standard_pack
    from maskaug.masktheface_wrapper import load_pack

    return load_pack(standard_pack())


def _synthetic():
    """A grey picture with the mean face's points in it, turned to a side."""
    from maskaug.masktheface_wrapper.geometry.face_model import FACE_MODEL

    turn = np.radians(35)
    x = FACE_MODEL[:, 0] * np.cos(turn) - FACE_MODEL[:, 2] * np.sin(turn)
    points = np.stack([x + 80, FACE_MODEL[:, 1] + 40], axis=1)
    rng = np.random.default_rng(0)
    image = np.clip(rng.normal((170, 130, 110), 6, (160, 160, 3)), 0, 255).astype(np.uint8)
    return image, points


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 9), (9, 2), (3, 3)])
def test_the_tip_of_something_can_be_all_that_shows(engine, small, size):
    image, face = small
    layer = Layer(40, 40, np.full((*size, 3), 80, np.float32), np.ones(size, np.float32), np.ones(size, np.float32))
    laid, alpha = harmonize(image, layer, engine.measure(image, face), 0)
    assert (alpha > 0).sum() >= size[0] * size[1]
    assert (laid != image).any()


@pytest.fixture
def visor():
    """A kind of occluder from one file, registered for one test."""

    def sample(rng, style):
        return {"color": "#20c040", "size": rng.uniform(0.8, 1.2), "shift_y": rng.normal(0, 3)}

    def render(occluder, context):
        canvas = canvas_in(context, face_frame(context, 27).moved(0, occluder.shift_y), (-60, -20), (60, 20))
        if canvas is None:
            return None
        distance = np.maximum(abs(canvas.x) - 50 * occluder.size, abs(canvas.y) - 12)
        canvas.paint(canvas.coverage(distance), list(bytes.fromhex(occluder.paint[1:])))
        return canvas.layer(), HarmonizeSteps(light="skin", folds=False)

    spec = OccluderSpec("visor", ("flat", "round"), often=1.0, sample=sample, render=render)
    register(spec)
    yield spec
    del OCCLUDERS["visor"]


def test_one_registered_spec_is_sampled_rendered_and_replayed(engine, small, visor):
    image, face = small
    rng = np.random.default_rng(0)
    assert "visor" in {sample_occluder(rng).kind for _ in range(100)}
    occluder = sample_occluder(rng, {"visor": 1.0})
    assert occluder.style in visor.styles
    assert occluder.size == round(occluder.size, 3) != 1
    shown = engine.occlude(image, face, occluder)
    again = engine.occlude(image, face, OccluderParams.model_validate_json(occluder.model_dump_json()))
    assert (shown == again).all()
    x, y = np.round(face.landmarks[27]).astype(int)
    assert shown[y, x].argmax() == 1, "green where it was painted"
    assert (shown[: y // 4] == image[: y // 4]).all()


def test_two_occluders_of_one_name_are_rejected(visor):
    with pytest.raises(ValueError, match="'visor' already"):
        register(visor)
    with pytest.raises(ValueError, match="needs a style"):
        register(OccluderSpec("bare", (), often=1.0, sample=visor.sample, render=visor.render))


def test_a_new_kind_leaves_the_order_of_the_others(visor):
    assert list(OCCLUDERS) == [*KINDS, "visor"]
    assert KINDS[0] == "beard"
    assert KINDS[-5:] == ["null_overlay", "sunglasses", "hat", *LATER_KINDS]


LATER_KINDS = ["arm", "head"]  # than version 0.1.0

# Kind, style and seed that version 0.1.0 sampled of the kinds that it had; it called the null overlay a ghost.
SAMPLED = {
    0: ("cup", "paper", 579362556),
    1: ("microphone", "foam", 42568569),
    2: ("hand", "palm", 471880638),
    3: ("beard", "full", 508546690),
    4: ("null_overlay", "mask", 1892783322),
    5: ("patch", "ellipse", 1735039634),
    9: ("damage", "smear", 615935266),
    15: ("hair", "long", 1751953906),
    18: ("scarf", "wound", 1540636292),
    25: ("moustache", "horseshoe", 670090),
}


@pytest.mark.parametrize("seed", SAMPLED)
def test_a_seed_samples_what_it_did(seed):
    former = {name: spec.often for name, spec in OCCLUDERS.items() if spec.often and name not in LATER_KINDS}
    occluder = sample_occluder(np.random.default_rng(seed), former)
    assert (occluder.kind, occluder.style, occluder.seed) == SAMPLED[seed]
