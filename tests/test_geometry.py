import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from maskaug.masktheface_wrapper.fit.mesh import fit_shell
from maskaug.masktheface_wrapper.fit.raster import rasterise
from maskaug.masktheface_wrapper.fit.shell import COLUMNS, ROWS, shell
from maskaug.masktheface_wrapper.geometry.face_model import FACE_MODEL
from maskaug.masktheface_wrapper.geometry.pose import Camera, fit_camera
from maskaug.masktheface_wrapper.overlay import MaskParams

WORN_STRAIGHT = MaskParams(template="any", kind="any")


def rotation(yaw, pitch, roll):
    """Head to camera, for angles in degrees as `Pose` defines them."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def camera(*, yaw=0.0, pitch=0.0, roll=0.0, scale=1.0, aspect=1.0, center=(100.0, 80.0)):
    distance = 900.0
    turn = rotation(yaw, pitch, roll)
    return Camera(turn, np.array([0, 0, distance]), distance * scale, np.array(center), aspect, 0.0)


poses = st.fixed_dictionaries(
    {
        "yaw": st.floats(-50, 50),
        "pitch": st.floats(-25, 25),
        "roll": st.floats(-40, 40),
        "scale": st.floats(0.4, 8),
    }
)


@given(poses)
def test_the_pose_of_a_projected_head_is_found_again(pose):
    truth = camera(**pose)
    found = fit_camera(truth.project(FACE_MODEL))
    assert found.error < 1.0
    # The squeeze is found as if seen from afar; the camera is at 0.9 m.
    assert found.aspect == pytest.approx(1.0, abs=0.06)
    assert found.pose.yaw == pytest.approx(truth.pose.yaw, abs=3)
    assert found.pose.pitch == pytest.approx(truth.pose.pitch, abs=6)
    assert found.pose.roll == pytest.approx(truth.pose.roll, abs=2)


@given(st.floats(-30, 30), st.floats(0.6, 1.2))
def test_a_squeezed_picture_is_no_nod(yaw, aspect):
    found = fit_camera(camera(yaw=yaw, aspect=aspect).project(FACE_MODEL))
    assert found.aspect == pytest.approx(aspect, rel=0.04)
    assert abs(found.pose.pitch) < 5


def test_pose_signs():
    assert camera(yaw=30).pose.yaw == pytest.approx(30)
    nose, root = camera(yaw=30).project(FACE_MODEL[[30, 27]])
    assert nose[0] > root[0], "positive yaw turns the nose to the picture's right"
    up = camera(pitch=20).project(FACE_MODEL[[30, 27]])
    straight = camera().project(FACE_MODEL[[30, 27]])
    assert up[0, 1] - up[1, 1] < straight[0, 1] - straight[1, 1], "positive pitch lifts the nose"


@settings(deadline=None)
@given(poses, st.sampled_from(["wrap", "fold", "cup"]))
def test_the_fitted_shell_follows_jaw_and_nose(pose, name):
    landmarks = camera(**pose).project(FACE_MODEL)
    mesh = fit_shell(name, landmarks, fit_camera(landmarks), WORN_STRAIGHT)
    unit = pose["scale"]  # pixels a mm
    grid = mesh.vertices.reshape(ROWS, COLUMNS, 2)
    nose_bridge = landmarks[28]
    assert np.hypot(*(grid[0, COLUMNS // 2] - nose_bridge)) < 8 * unit
    down = landmarks[8] - landmarks[27]
    down = down / np.hypot(*down)
    below_chin = (grid @ down).max() - landmarks[8] @ down
    assert -2 * unit < below_chin < 16 * unit


@given(st.floats(-40, 40))
def test_a_mirrored_face_gets_the_mirrored_shell(yaw):
    width = 200
    landmarks = camera(yaw=yaw).project(FACE_MODEL)
    mirrored_face = camera(yaw=-yaw, center=(width - 100.0, 80.0)).project(FACE_MODEL)
    one, other = (
        fit_shell("wrap", points, fit_camera(points), WORN_STRAIGHT).vertices.reshape(ROWS, COLUMNS, 2)
        for points in (landmarks, mirrored_face)
    )
    flipped = other[:, ::-1] * (-1, 1) + (width, 0)
    assert np.abs(one - flipped).max() < 0.5


def test_shells_bulge_outwards():
    for name in ("wrap", "fold", "cup"):
        surface = shell(name)
        middle = surface.normals.reshape(ROWS, COLUMNS, 3)[ROWS // 2, COLUMNS // 2]
        assert middle[2] < -0.8, "the normal in front of the mouth points out of the face"
        assert np.allclose(np.linalg.norm(surface.normals, axis=1), 1)


def brute_force(vertices, depth, triangles, attributes, size):
    """One pixel and one triangle at a time."""
    drawn = np.zeros((*size, attributes.shape[1]))
    nearest = np.full(size, np.inf)
    for triangle in triangles:
        a, b, c = vertices[triangle].astype(float)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if area <= 1e-6:
            continue
        for y in range(size[0]):
            for x in range(size[1]):
                w1 = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
                w2 = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
                weights = np.array([1 - w1 - w2, w1, w2])
                if (weights >= 0).all() and depth[triangle].sum() < nearest[y, x]:
                    nearest[y, x] = depth[triangle].sum()
                    drawn[y, x] = weights @ attributes[triangle]
    return drawn, np.isfinite(nearest)


def on_an_edge(vertices, triangles, size):
    """Which pixels' centres lie on an edge of a triangle, to a hundredth of a pixel."""
    centers = np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=-1)
    found = np.zeros(size, dtype=bool)
    for triangle in triangles:
        for start, end in zip(triangle, np.roll(triangle, 1), strict=True):
            a, b = vertices[start].astype(float), vertices[end].astype(float)
            along = np.clip(((centers - a) @ (b - a)) / max((b - a) @ (b - a), 1e-12), 0, 1)
            found |= np.linalg.norm(centers - a - along[..., None] * (b - a), axis=-1) < 0.01
    return found


coordinates = st.floats(-6, 22).map(lambda value: round(value * 8) / 8 + 0.03)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(coordinates, coordinates, st.floats(1, 9)), min_size=3, max_size=9))
def test_rasterising_agrees_with_brute_force(points):
    points = np.array(points)
    vertices, depth = points[:, :2].astype(np.float32), points[:, 2] + np.arange(len(points)) * 1e-3
    triangles = np.array([(i, (i + 1) % len(points), (i + 2) % len(points)) for i in range(len(points))])
    attributes = np.concatenate([vertices, depth[:, None]], axis=1).astype(np.float32)
    size = (16, 18)
    drawn, covered = rasterise(vertices, depth, triangles, attributes, size)
    expected, expected_cover = brute_force(vertices, depth, triangles, attributes, size)
    # A pixel on an edge belongs to either side; nothing else may differ but where rounding decides who is nearer.
    sure = ~on_an_edge(vertices, triangles, size)
    assert (covered == expected_cover)[sure].all()
    both = covered & expected_cover & sure
    wrong = np.abs(drawn - expected).max(axis=-1) > 0.05
    assert (wrong & both).mean() < 0.02


def test_what_is_seen_from_inside_is_not_drawn():
    vertices = np.array([[1, 1], [8, 1], [1, 8]], dtype=np.float32)
    attributes = np.ones((3, 1), dtype=np.float32)
    for corners, expected in (([0, 1, 2], True), ([0, 2, 1], False)):
        _, covered = rasterise(vertices, np.ones(3), np.array([corners]), attributes, (10, 10))
        assert covered.any() == expected
