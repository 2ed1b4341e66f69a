"""Every benchmark runs, on a handful of pictures: these figures mean nothing, but a script that crashes is worse."""

import csv
import hashlib
import json
import os
import runpy
import shutil
import sys
from pathlib import Path

import annotated
import astronaut
import cv2
import numpy as np
import pytest
import tiny_network  # noqa: F401  registers it
import training
from threadpoolctl import threadpool_limits

from maskaug.augment import GenerateOptions, generate, read_manifest
from maskaug.core.classes import CLASSES
from maskaug.core.pictures import encode_picture, read_picture
from maskaug.train.export.export import export
from maskaug.train.export.options import ExportOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.train import train

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_reports")]

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SMALL = ["--set", "arch=tiny", "--set", "epochs=1", "--set", "batch_size=4", "--set", "size=32"]

# What the benchmarks ask of a checkout of MaskTheFace: its command, and the function behind it.
PEER_FUNCTIONS = """
import cv2, numpy as np

def mask_image(path, args):
    image = cv2.imread(path)
    mask = np.zeros(image.shape[:2], np.uint8)
    height, width = mask.shape
    cv2.ellipse(mask, (width // 2, 2 * height // 3), (width // 4, height // 5), 0, 0, 360, 255, -1)
    image[mask > 0] = (200, 180, 160)
    return [image], [], [mask], image
"""
PEER_COMMAND = """
import argparse, pathlib, cv2
from utils.aux_functions import mask_image
parser = argparse.ArgumentParser()
parser.add_argument("--path")
parser.add_argument("--mask_type")
args = parser.parse_args()
out = pathlib.Path(args.path + "_masked")
out.mkdir(exist_ok=True)
for path in pathlib.Path(args.path).iterdir():
    cv2.imwrite(str(out / path.name), mask_image(str(path), args)[0][0])
"""


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs a script in this process, as its command line would, and gives what it printed."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.chdir(tmp_path)
    affinity, threads = os.sched_getaffinity(0), cv2.getNumThreads()

    def run_script(script, *arguments):
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        runpy.run_path(str(BENCHMARKS / script), run_name="__main__")
        return capsys.readouterr().out

    with threadpool_limits():  # on leaving, limits that a script has set are gone
        yield run_script
    os.sched_setaffinity(0, affinity)
    cv2.setNumThreads(threads)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("benchmarks") / "faces"
    astronaut.write_faces(folder, {"train": 8, "val": 4})
    return folder


@pytest.fixture(scope="module")
def data(faces):
    dst = faces.parent / "data"
    generate(GenerateOptions(src=faces, dst=dst, workers=1, min_quality=0))
    return dst


@pytest.fixture(scope="module")
def peer(faces):
    checkout = faces.parent / "peer"
    (checkout / "utils").mkdir(parents=True)
    (checkout / "utils/__init__.py").touch()
    (checkout / "utils/aux_functions.py").write_text(PEER_FUNCTIONS)
    (checkout / "mask_the_face.py").write_text(PEER_COMMAND)
    return checkout


@pytest.fixture(scope="module")
def real(data):
    """Pictures of both classes without splits, as photographs of real masks lie."""
    for label in CLASSES:
        folder = data.parent / "real" / label
        folder.mkdir(parents=True)
        for path in (data / "train" / label).iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
    return data.parent / "real"


@pytest.fixture(scope="module")
def trained(data, quick_reports):
    recipe = ["arch=tiny", "epochs=1", "warmup=0", "batch_size=4", "size=32"]
    options = {"data": data, "out": data.parent / "run", "recipe": "robust", "set_": recipe, "wandb": "disabled"}
    return train(TrainOptions.model_validate({**options, "cache": data.parent / "cache"})).run


def test_stages(run, faces, tmp_path):
    said = run("stages.py", faces, "--passes", 1)
    stages = {line.split("│")[1].strip(): float(line.split("│")[2]) for line in said.splitlines() if "│" in line}
    assert min(stages.values()) > 0, "a stage that takes no time is not the one that is run"


def test_generate(run, faces, peer, tmp_path):
    run("generate.py", faces / "val", "--peer", peer, "--runs", 1, "--large", 2, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert {one["program"] for one in found["results"]} == {"maskaug", "MaskTheFace"}
    assert all(one["masked"] > 0 for one in found["results"])


def test_random_mask(run, faces, tmp_path):
    said = run("random_mask.py", faces, "--pictures", 3, "--passes", 1)
    assert all(kind in said for kind in ("n95", "kn95", "surgical", "cloth"))


def test_realism(run, faces, real, peer, tmp_path):
    found, sheet = tmp_path / "found.json", tmp_path / "sheet.png"
    options = ["--real", real / CLASSES[1], "--peer", peer, "--json", found, "--sheet", sheet]
    run("realism.py", faces, *options)
    assert json.loads(found.read_text())
    assert read_picture(sheet).pixels.size


def test_score(run, data, faces, tmp_path):
    rows = [row for row in read_manifest(data) if row["status"] == "masked"]
    strata = ("random", "hard", "box")
    with (tmp_path / "verdicts.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["source_sha256", "stratum", "spoil_seed", "parameters", "verdict", "fault"])
        for number in range(24):
            row = rows[number % len(rows)]
            stratum = strata[number % len(strata)]
            verdict = "reject" if number % 4 == 3 else "accept"
            table.writerow([row["source_sha256"], stratum, number, row["parameters"], verdict, ""])
    run("score.py", faces, "--verdicts", tmp_path / "verdicts.csv", "--json", tmp_path / "found.json")
    assert set(json.loads((tmp_path / "found.json").read_text())) == {"score", "fit"}
    assert {row["source_sha256"] for row in rows} <= {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in faces.rglob("*.jpg")
    }


def test_finder(run, faces, tmp_path):
    said = run("finder.py", faces / "val", "--crops", faces)
    assert "4" in said


def test_recognition(run, tmp_path):
    src, dst = tmp_path / "persons", tmp_path / "set"
    for number, person in enumerate(f"p{number}" for number in range(8)):
        for photograph in range(1 + number % 2):
            path = src / person / f"{photograph}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_picture(astronaut.face(112, roll=2.0 * number, mirror=bool(photograph)), "jpeg"))
    generate(GenerateOptions(src=src, dst=dst, layout="identities", workers=1, min_quality=0))
    said = run("recognition.py", dst, "--resamples", 20, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["persons"] == 8
    of = {(one["of"], one["second picture"]): one["one person"] for one in found["figures"]}
    # Of a person with one photograph nothing is said unmasked: that is the photograph against itself.
    assert ("one photograph", "unmasked") not in of
    assert (of["two photographs", "unmasked"], of["one photograph", "any mask"]) == (8, 4)
    assert "8 persons" in said


def test_annotated_boxes(run, tmp_path):
    pixels, boxes = annotated.two_faces()
    annotated.write_picture(tmp_path / "scenes" / "a.png", pixels)
    marked = {"a.png": (pixels.shape[1::-1], [(annotated.BARE, *box) for box in boxes])}
    said = run("annotated_boxes.py", tmp_path / "scenes", annotated.write_coco(tmp_path / "coco.json", marked))
    assert said.count("2 of 2 boxes are faces") == 3


def test_predict(run, faces, trained, tmp_path):
    run("predict.py", faces, "--run", trained, "--json", tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())


def test_review(run, tmp_path):
    if shutil.which("Xvfb") is None:
        pytest.skip("needs Xvfb")
    run("review.py", "--rows", 60, "--shown", 5, "--pause", 0, "--json", tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())


def test_probes(run, trained, data, tmp_path):
    run("probes.py", trained, data, "--json", tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())


def test_cues(run, data, real, tmp_path):
    run("cues.py", data, "--real", real, "--arch", "tiny", "--epochs", 1, "--json", tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())


def test_train_throughput(run, tmp_path):
    data, found = training.balanced(tmp_path / "data", train=32, val=1), tmp_path / "found.json"
    run("train_throughput.py", data, "--arch", "tiny", "--batches", 1, "--rounds", 1, "--json", found)
    assert json.loads(found.read_text())


def test_synthetic_to_real_with_the_peers_overlays(run, data, real, peer, monkeypatch):
    monkeypatch.setattr("synthetic_to_real_rows.RESAMPLES", 20)
    faces = data.with_name("faces")
    run("peer_overlays.py", faces, peer, "overlays")
    sets = {label: len(list(Path("overlays/train", label).iterdir())) for label in CLASSES}
    assert sets == dict.fromkeys(CLASSES, 8)
    report = [text.replace("--set", "--report-set") for text in SMALL]
    options = ["--real", real, "--peer-overlays", "overlays", "--seeds", 1, "--out", "out"]
    run("synthetic_to_real.py", data, *options, *SMALL, "--set", "warmup=0", *report)
    assert len(Path("out/table.md").read_text().strip().splitlines()) >= 5, "a title, a line, and three recipes"
    assert {"table.md", "figures.json", "roc.png"} <= {path.name for path in Path("out").iterdir()}


class Detector:
    """Sees a mask in every picture, more surely in one with a border."""

    def setInput(self, blob):
        self.bordered = np.allclose(blob[0, :, 0, 0], 127 / 255, atol=1e-3)

    def forward(self, _):
        return np.array([[[0.9, 0.1] if self.bordered else [0.2, 0.6]]], dtype=np.float32)


def test_real_masks_peer(run, real, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(cv2.dnn, "readNetFromTFLite", lambda *_: Detector())
    model = tmp_path / "model.onnx"
    export(ExportOptions(run=trained, output=model))
    run("real_masks_peer.py", tmp_path / "x.tflite", real, "--model", model, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())[real.name]
    assert found["trained on real masks"]["recall"][0] == 1, "the surer look counts"
    assert found["trained on real masks"]["specificity"][0] == 0
    assert set(found["maskaug"]) == {"accuracy", "auc", "recall", "specificity"}


def test_corrupted(run, real, tmp_path):
    few = tmp_path / "real" / CLASSES[0]
    few.mkdir(parents=True)
    (few / "one.png").write_bytes(encode_picture(astronaut.face(96), "png"))
    run("corrupted.py", few.parent, tmp_path / "out")
    assert len(list((tmp_path / "out").rglob("*.png"))) == len(list((tmp_path / "out").iterdir()))


def test_error_sheet(run, tmp_path):
    out, counts = tmp_path / "errors.jpg", tmp_path / "errors.json"
    told = run("error_sheet.py", "--tries", "1", "--out", out, "--json", counts)
    assert "wrong: bare" in told
    assert read_picture(out).pixels.shape[1] > 1000
    assert all(0 <= one["wrong"] <= one["tries"] == 1 for one in json.loads(counts.read_text()).values())


def test_cluster(run):
    """The scheduler of a Ray cluster accounts for each task once, whatever fails."""
    told = json.loads(run("cluster.py", "--workers", 64, "--tasks", 600_000, "--seed", 3))
    failing, sound = told["with failures"], told["without failures"]
    assert failing["accounted_once"] == sound["accounted_once"] == 600_000
    assert failing["crashed"] == failing["poison"] == 1
    assert failing["crashed_without_cause"] == 0
    assert sound["simulated_seconds"] <= failing["simulated_seconds"] < 1.2 * sound["simulated_seconds"]


def test_near_duplicates(run, faces):
    told = json.loads(run("near_duplicates.py", faces, "--count", 300, "--copies", 0.1))
    assert told["pictures"] == 300
    assert told["copies"] > 5
    assert told["recall"] == 1


def test_rows(run):
    steps = ("scan", "manifest, write", "review queue", "curate, decide")
    printed = run("rows.py", "--rows", 200, "--steps", *steps)
    assert "200 rows, s" in printed
    assert all(step in printed for step in steps)


def test_faces_plot(run, tmp_path):
    run("faces_plot.py", "--out", tmp_path / "faces.png")
    assert read_picture(tmp_path / "faces.png").pixels.shape == (800, 1400, 3)


def test_containers(run, faces, tmp_path):
    run("containers.py", faces, "--pictures", 8, "--rounds", 1, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert len({found[kind]["megabytes"] for kind in ("files", "tar", "parquet")}) == 1


def test_object_store(run, tmp_path):
    pytest.importorskip("moto", reason="needs moto and Flask")
    run("object_store.py", "--faces", 3, "--workers", 1, "--rounds", 1, "--json", tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert 0 < found["store over disk"] < 2
    assert found["the store's requests alone, faces a second"] > 0
