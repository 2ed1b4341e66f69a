import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch
from classifiers import load, write_network
from runs import command

from maskaug.core.manifest import Row
from maskaug.core.pictures import encode_picture, read_picture
from maskaug.train.data.margins import Margins, MarginsError, load_margins, measure_margins, save_margins
from maskaug.train.errors import TrainOptionError
from maskaug.train.export.export import export
from maskaug.train.export.options import ExportOptions
from maskaug.train.predict import predict as predict_module
from maskaug.train.predict.annotate import draw_attention, draw_faces
from maskaug.train.predict.drawings import Drawings, DrawingsError
from maskaug.train.predict.frames import camera_frames, read_frames
from maskaug.train.predict.inputs import FramesError, list_inputs
from maskaug.train.predict.options import PredictOptions
from maskaug.train.predict.predict import PredictError, classify, predict


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_network(tmp_path_factory.mktemp("network") / "run")


@pytest.fixture(scope="module")
def model(run, tmp_path_factory):
    return export(ExportOptions(run=run, output=tmp_path_factory.mktemp("model") / "model.onnx")).path


@pytest.fixture
def folder(tmp_path, photo):
    """A portrait, an empty wall and something broken."""
    place = tmp_path / "photos"
    (place / "deep").mkdir(parents=True)
    (place / "deep" / "face.png").write_bytes(encode_picture(photo, "png"))
    (place / "wall.jpg").write_bytes(encode_picture(np.full((90, 120, 3), 127, np.uint8), "jpeg"))
    (place / "broken.jpg").write_bytes(b"")
    return place


def write_video(path, photo, count=6):
    size = (photo.shape[1], photo.shape[0])
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, size)
    for number in range(count):
        moved = np.roll(photo, 2 * number, axis=1)
        video.write(cv2.cvtColor(moved, cv2.COLOR_RGB2BGR))
    video.release()
    return path


def test_a_face_is_found_cut_out_and_judged(run, folder, photo, engine):
    (found,) = predict(PredictOptions(run=run, paths=[folder / "deep" / "face.png"], device="cpu"))
    face = engine.finder.boxes(photo)[0]
    np.testing.assert_allclose(found.boxes[0], face, atol=0.5)
    (box,) = found.crops
    assert box == Margins().crop(face, 320, 320)
    classifier = load(run)
    left, top, right, bottom = box
    crop = classifier.prepare(photo[top:bottom, left:right])
    expected = classifier.calibration.probabilities(classifier.logits(crop[None]))[0]
    assert found.probabilities[0] == pytest.approx(expected, abs=1e-5)
    assert found.masked == (expected >= 0.6,)
    assert found.drawn is None


def test_folders_are_searched_and_whole_pictures_taken_as_they_are(run, folder):
    found = {one.frame.place.name: one for one in predict(PredictOptions(run=run, paths=[folder]))}
    assert {name: len(one.boxes) for name, one in found.items()} == {"face.png": 1, "wall.jpg": 0, "broken.jpg": 0}
    assert "is empty" in found["broken.jpg"].frame.problem
    whole = {one.frame.place.name: one for one in predict(PredictOptions(run=run, paths=[folder], whole=True))}
    assert whole["wall.jpg"].boxes == ((0, 0, 120, 90),)
    assert len(whole["wall.jpg"].probabilities) == 1


def test_batches_change_nothing(run, photo):
    classifier = load(run)
    seen = [next(frames_of(np.roll(photo, 9 * number, axis=1))) for number in range(5)]
    one = list(classify(seen, classifier, whole_boxes, Margins(), at_once=1))
    many = list(classify(seen, classifier, whole_boxes, Margins(), at_once=64))
    assert [predicted.frame for predicted in one] == [predicted.frame for predicted in many]
    np.testing.assert_allclose(
        [predicted.probabilities for predicted in one], [predicted.probabilities for predicted in many], atol=1e-5
    )


def frames_of(image):
    from pathlib import Path

    from maskaug.train.predict.frames import InputFrame

    yield InputFrame("made", Path("made.png"), image)


def whole_boxes(image):
    height, width = image.shape[:2]
    return np.array([[0, 0, width, height], [40, 40, width - 40, height - 40]], dtype=np.float32)


def test_a_video_is_judged_frame_by_frame_and_drawn(run, photo, tmp_path):
    path = write_video(tmp_path / "clip.avi", photo)
    options = PredictOptions(run=run, paths=[path], every=2, draw=tmp_path / "drawn")
    drawings = Drawings(options.draw, options.every)
    found = []
    for one in predict(options):
        drawings.write(one.frame, one.drawn)
        found.append(one)
    drawings.close()
    assert [one.frame.number for one in found] == [0, 2, 4]
    assert [one.frame.seconds for one in found] == pytest.approx([0, 0.2, 0.4])
    assert all(len(one.boxes) == 1 for one in found)
    assert found[2].boxes[0][0] > found[0].boxes[0][0], "the face moves to the right"
    (written,) = (tmp_path / "drawn").iterdir()
    again = list(read_frames(list_inputs([written])))
    assert len(again) == 3
    assert again[0].rate == pytest.approx(5.0)
    apart = [np.abs(again[0].image.astype(int) - picture).mean() for picture in (found[0].drawn, found[0].frame.image)]
    assert apart[0] < apart[1] - 0.5, "the boxes are in the video"


def test_a_camera_is_read_through_what_opens_it(photo, tmp_path):
    path = write_video(tmp_path / "clip.avi", photo)
    opened = []

    def capture(which):
        opened.append(which)
        return cv2.VideoCapture(str(path))

    seen = list(camera_frames(1, every=3, capture=capture))
    assert opened == [1]
    assert [frame.number for frame in seen] == [0, 3]
    assert (seen[0].source, seen[0].place.name) == ("camera 1", "camera_1.avi")
    (gone,) = camera_frames(0, capture=lambda _which: cv2.VideoCapture())
    assert gone.problem == "camera 0 is not there, or another program has it"


def test_a_video_that_holds_none_says_so(tmp_path):
    (tmp_path / "fake.mp4").write_bytes(b"no video")
    (one,) = read_frames(list_inputs([tmp_path / "fake.mp4"]))
    assert one.problem == f"{tmp_path / 'fake.mp4'} holds no frame to read"


def test_nothing_to_look_at_is_explained(run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FramesError, match="holds no picture and no video"):
        list_inputs([tmp_path / "empty"])
    with pytest.raises(FramesError, match="does not exist"):
        list_inputs([tmp_path / "gone.jpg"])
    with pytest.raises(FramesError, match=r"no picture and no video, nor is it a training run"):
        next(predict(PredictOptions(run=tmp_path, paths=[tmp_path / "empty"])))


def test_a_folder_with_a_run_in_it_judges_and_anything_else_is_looked_at(run, folder, tmp_path):
    photo = folder / "deep" / "face.png"
    options = PredictOptions(run=run, paths=[photo])
    assert (options.trained, options.file, options.pictures) == (run, None, [photo])
    options = PredictOptions(run=folder, paths=[photo])
    assert (options.trained, options.file, options.pictures) == (None, None, [folder, photo])
    options = PredictOptions(run=tmp_path / "model.onnx", paths=[photo])
    assert (options.trained, options.file, options.pictures) == (None, tmp_path / "model.onnx", [photo])
    assert PredictOptions(camera=0).pictures == []
    with pytest.raises(ValueError, match="name pictures"):
        PredictOptions(run=run)
    with pytest.raises(ValueError, match="exclude each other"):
        PredictOptions(run=photo, camera=0)


@pytest.mark.slow
@pytest.mark.parametrize("framing", ["picture", "face"])
def test_a_file_says_what_its_run_says(tmp_path, folder, framing):
    own = write_network(tmp_path / "own")
    saved = torch.load(own / "best.pt", weights_only=True)
    torch.save({**saved, "framing": framing, "flips": framing == "face"}, own / "best.pt")
    save_margins(own, Margins(sides=0.1, above=0.3, below=0.2))
    path = export(ExportOptions(run=own, output=tmp_path / "model.onnx")).path
    expected, found = (
        [one for one in predict(PredictOptions(run=judge, paths=[folder])) if one.boxes] for judge in (own, path)
    )
    assert len(found) == 1
    assert found[0].crops == expected[0].crops
    assert found[0].masked == expected[0].masked
    np.testing.assert_allclose(found[0].probabilities, expected[0].probabilities, atol=1e-4)


def test_without_a_run_the_bundled_classifier_judges(model, folder, monkeypatch):
    monkeypatch.setattr(predict_module, "bundled_classifier", lambda **_: model)
    photo = folder / "deep" / "face.png"
    (first,), (second,) = (
        list(predict(options))
        for options in (PredictOptions(run=photo), PredictOptions(run=model, paths=[photo], device="cpu"))
    )
    assert first.probabilities == second.probabilities
    assert len(first.probabilities) == 1


def test_what_a_file_cannot_do_is_said(model, folder, tmp_path):
    photo = folder / "deep" / "face.png"
    with pytest.raises(TrainOptionError, match="--explain looks into a network, which only a training run shows"):
        next(predict(PredictOptions(run=model, paths=[photo], draw=tmp_path / "drawn", explain=True)))
    with pytest.raises(TrainOptionError, match="--device cuda is for a training run"):
        next(predict(PredictOptions(run=model, paths=[photo], device="cuda")))


def test_without_any_classifier_it_is_said_how_to_make_one(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(predict_module, "bundled_classifier", lambda **_: tmp_path / "gone.onnx")
    with pytest.raises(PredictError, match="maskaug generate FACES DATA and maskaug train DATA --out RUN --recipe rob"):
        next(predict(PredictOptions(run=folder)))


BARE = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import maskaug.assets
from pathlib import Path
maskaug.assets.bundled_classifier = lambda **_: Path({model!r})
from maskaug.cli import main
sys.argv = ["maskaug", *{arguments}]
main()
"""
HEAVY = ["torch", "torchvision", "scipy", "sklearn", "torchmetrics", "captum", "onnx", "onnxscript", "matplotlib"]


def bare(*arguments, cwd, model, absent=HEAVY):
    """The command line where some libraries are not installed."""
    program = BARE.format(absent=absent, model=str(model), arguments=list(map(str, arguments)))
    command = [sys.executable, "-c", program]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_onnxruntime_alone_is_enough(model, folder, tmp_path):
    photo = folder / "deep" / "face.png"
    done = bare("predict", photo, "--json", "--draw", "drawn", cwd=tmp_path, model=model)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["classifier"] == "bundled"
    assert len(said["faces"]) == 1
    assert (tmp_path / "drawn" / "face.png").is_file()
    done = bare("predict", model, photo, "--json", cwd=tmp_path, model="gone.onnx")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {**said, "classifier": str(model), "drawn": None}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "absent", "said"),
    [
        ("run", ["torch"], "torch is not installed; give: pip install 'maskaug[train]'"),
        ("model", ["onnxruntime"], "onnxruntime is not installed; give: pip install 'maskaug[predict]'"),
        ("photo", ["onnxruntime"], "onnxruntime is not installed; give: pip install 'maskaug[predict]'"),
    ],
)
def test_the_extra_that_is_missing_is_named(request, folder, first, absent, said):
    model, photo = request.getfixturevalue("model"), folder / "deep" / "face.png"
    paths = [photo] if first == "photo" else [request.getfixturevalue(first), photo]
    done = bare("predict", *paths, cwd=folder, model=model, absent=absent)
    assert done.returncode == 1
    assert done.stderr == f"maskaug: {said}\n"


@pytest.mark.slow
def test_a_copy_without_a_classifier_says_so_in_one_sentence(folder, tmp_path):
    done = bare("predict", folder / "deep" / "face.png", cwd=tmp_path, model="gone.onnx")
    assert done.returncode == 1
    assert "maskaug train DATA --out RUN --recipe robust" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_drawn_pictures_keep_names_apart_and_never_replace_their_source(tmp_path, photo):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "face.jpg").write_bytes(encode_picture(photo, "jpeg"))
    seen = list(read_frames(list_inputs([tmp_path / "a" / "face.jpg", tmp_path / "b" / "face.jpg"])))
    drawings = Drawings(tmp_path / "drawn")
    for frame in seen:
        drawings.write(frame, frame.image)
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["face.jpg", "face_2.jpg"]
    with pytest.raises(DrawingsError, match="is the input itself"):
        Drawings(tmp_path / "a").write(seen[0], seen[0].image)


def test_boxes_are_drawn_in_two_colours_and_readable_anywhere(photo):
    before = photo.copy()
    boxes = [(0, 0, 100, 100), (150, 150, 320, 320)]
    drawn = draw_faces(photo, boxes, [1, 0], ["with_mask 90%", "with_mask 20%"])
    np.testing.assert_array_equal(photo, before)
    assert drawn[60, 0].tolist() == [34, 136, 51]
    assert drawn[200, 150].tolist() == [204, 51, 68]


def test_crops_stay_in_the_picture():
    crop = Margins().crop
    assert crop(np.array([10, 30, 110, 130]), 400, 400) == (8, 9, 112, 129)
    assert crop(np.array([-50, -50, 100, 100]), 90, 80) == (0, 0, 90, 80)
    assert crop(np.array([398, 10, 500, 100]), 400, 400) is None


def test_faces_are_cut_out_as_the_training_pictures_were(run, folder, tmp_path, engine, photo):
    # Boxes of 100 x 80 in pictures of 160 x 140: 30 pixels at the sides, 40 above, 20 below.
    rows = [Row(box=[30.0, 40.0, 130.0, 120.0], width=160, height=140)] * 10
    assert measure_margins(rows[:9]) == measure_margins([Row(), Row(box=None)]) == Margins()
    own = measure_margins(rows)
    assert own == Margins(sides=0.3, above=0.5, below=0.25)
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("best.pt", "calibration.json"):
        (mine / name).write_bytes((run / name).read_bytes())
    save_margins(mine, own)
    assert load_margins(mine) == own
    (found,) = predict(PredictOptions(run=mine, paths=[folder / "deep" / "face.png"]))
    assert found.crops == (own.crop(engine.finder.boxes(photo)[0], 320, 320),)
    (mine / "margins.json").write_text("{")
    with pytest.raises(MarginsError, match="delete it"):
        load_margins(mine)


def test_heat_is_drawn_beside_the_picture(run, folder, tmp_path):
    options = PredictOptions(run=run, paths=[folder / "deep" / "face.png"], draw=tmp_path, explain=True)
    (found,) = predict(options)
    assert found.drawn.shape == (320, 640, 3)
    left, top, right, bottom = found.crops[0]
    original = read_picture(folder / "deep" / "face.png").pixels
    beside = found.drawn[:, 320:]
    assert (beside[top:bottom, left:right] != original[top:bottom, left:right]).mean() > 0.9
    outside = np.ones(original.shape[:2], dtype=bool)
    outside[top:bottom, left:right] = False
    np.testing.assert_array_equal(beside[outside], original[outside])


def test_grad_cam_points_at_what_decides():
    import torch
    from torch import nn

    from maskaug.train.model.head import head_for
    from maskaug.train.predict.explain import attention

    class Corner(nn.Module):
        """Sums the brightness of the upper left quarter."""

        def __init__(self):
            super().__init__()
            self.pool = nn.AvgPool2d(4)
            self.weigh = nn.Linear(64, 1, bias=False)
            weights = torch.zeros(8, 8)
            weights[:4, :4] = 1
            self.weigh.weight.data = weights.reshape(1, 64)

        def forward(self, batch):
            return self.weigh(self.pool(batch).mean(dim=1).flatten(1))

    batch = torch.zeros(1, 3, 32, 32)
    batch[:, :, :16, :16] = 1
    (heat,) = attention(Corner().eval(), batch, head_for(2))
    assert heat.shape == (32, 32)
    assert heat[:12, :12].min() > 0.9
    assert heat[20:, 20:].max() < 0.1


@pytest.fixture
def maskaug(monkeypatch, capsys):
    return lambda *arguments, cwd: command(monkeypatch, capsys, cwd, *arguments)


def test_the_command_prints_lines_json_and_writes_drawings(maskaug, run, folder, tmp_path):
    shown = maskaug("predict", run, folder, "--draw", "drawn", cwd=tmp_path)
    assert shown.returncode == 1, "one picture is broken"
    assert "broken.jpg is empty" in shown.stderr
    head, face, wall = shown.stdout.splitlines()
    assert head.split() == ["P(wearing_mask)", "verdict", "place", "picture"]
    assert face.endswith("face.png")
    assert "no face" in wall
    assert sorted(path.name for path in (tmp_path / "drawn").rglob("*.*")) == ["face.png", "wall.jpg"]
    shown = maskaug("predict", run, folder / "deep", folder / "wall.jpg", "--json", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    face, wall = map(json.loads, shown.stdout.splitlines())
    assert len(face["faces"]) == 1
    assert wall["faces"] == []
    assert face["classifier"] == str(run)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["photo.jpg", "other.jpg"], 1, "photo.jpg does not exist"),
        ([], 2, "give --camera 0"),
        (["gone.onnx"], 2, "give --camera 0"),
        (["gone.onnx", "."], 1, "holds no picture and no video"),
        (["run", "a.jpg", "--camera", "0"], 2, "exclude each other"),
        (["run", "a.jpg", "--explain"], 2, "--draw DIR"),
        (["run", "a.jpg", "--every", "0"], 2, "--every"),
    ],
)
def test_wrong_input_is_one_sentence(maskaug, tmp_path, arguments, status, said):
    done = maskaug("predict", *arguments, cwd=tmp_path)
    assert done.returncode == status
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_heat_lies_where_the_network_looked_also_beyond_the_edge():
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    heat = np.zeros((8, 8), dtype=np.float32)
    heat[:, 4:] = 1
    drawn = draw_attention(image, (-20, -10, 20, 30), heat)
    inside, outside = drawn[:30, :20].astype(int), drawn.copy()
    outside[:30, :20] = 0
    assert outside.max() == 0
    assert np.abs(inside[:, 4:] - inside[0, 10]).max() < 40, "of the frame's right half, all that shows"


@pytest.mark.slow
def test_several_processes_say_what_one_does_in_the_same_order(model, folder, monkeypatch):
    monkeypatch.setattr(predict_module, "_WORTH_A_PROCESS", 1)
    paths = [folder, folder / "deep" / "face.png", folder]
    told = [
        [(one.frame.source, one.frame.problem, one.boxes, one.labels, one.drawn is None) for one in predict(options)]
        for options in (PredictOptions(run=model, paths=paths, workers=count) for count in (1, 2))
    ]
    assert len(told[0]) == 7
    assert told[0] == told[1]


@pytest.mark.slow
def test_a_video_is_not_spread(model, tmp_path, photo):
    """All of its frames are told, and no cluster is started for it."""
    video = write_video(tmp_path / "clip.avi", photo, 3)
    told = [one.frame.number for one in predict(PredictOptions(run=model, paths=[video], engine="ray"))]
    assert told == [0, 1, 2]
