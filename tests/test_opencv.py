"""The bundled classifiers in OpenCV, and the example of it."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from classifiers import SIZE, load, write_network
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from maskaug.assets import bundled_classifier
from maskaug.core.pictures import encode_picture
from maskaug.train import load_onnx
from maskaug.train.export.export import export
from maskaug.train.export.formats.onnx_format import expand_hard_sigmoids
from maskaug.train.export.options import ExportOptions

EXAMPLE = Path(__file__).resolve().parents[1] / "docs/examples/opencv_classifier.py"


@pytest.mark.parametrize("three_classes", [False, True])
def test_opencv_says_what_onnxruntime_says(photo, three_classes):
    path = bundled_classifier(three_classes=three_classes)
    classifier = load_onnx(path, threads=1)
    seen = np.stack([classifier.prepare(photo, np.array(box, np.float32)) for box in BOXES])
    network = cv2.dnn.readNetFromONNX(str(path))
    network.setInput(seen.transpose(0, 3, 1, 2).copy())
    said = network.forward()
    expected = classifier.class_probabilities(seen)
    np.testing.assert_allclose(said, expected if three_classes else expected[:, 1], atol=1e-5)
    assert np.ptp(said) > 0.01, "the pictures differ"


@pytest.mark.slow
def test_a_run_that_looks_at_mirror_images_is_exported_as_one_pass(tmp_path):
    run = write_network(tmp_path / "run", arch="resnet18", flips=True)
    path = export(ExportOptions(run=run)).path
    assert all(node.op_type != "BatchNormalization" for node in onnx.load(path).graph.node), "folded"
    trained = load(run)
    seen = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)
    expected = trained.probabilities(seen)
    np.testing.assert_allclose(trained.probabilities(seen[:, :, ::-1].copy()), expected, atol=1e-6)
    network = cv2.dnn.readNetFromONNX(str(path))
    network.setInput(seen.transpose(0, 3, 1, 2).copy())
    np.testing.assert_allclose(network.forward(), expected, atol=1e-5)


BOXES = ((116, 84, 213, 177), (40, 40, 150, 150), (150, 120, 300, 300))


def test_the_example(photo, tmp_path):
    crop = photo[70:190, 110:220]
    (tmp_path / "crop.png").write_bytes(encode_picture(crop, "png"))
    arguments = [sys.executable, str(EXAMPLE), str(bundled_classifier()), "crop.png"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True)
    seen = cv2.resize(crop, (112, 112), interpolation=cv2.INTER_AREA)
    (expected,) = load_onnx(bundled_classifier(), threads=1).probabilities(seen[None])
    assert done.stdout == f"{expected:.4f} crop.png\n"


def test_hard_sigmoids_are_written_out():
    node = helper.make_node("HardSigmoid", ["x"], ["y"], alpha=0.25)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [7]) for name in "xy"]
    model = helper.make_model(
        helper.make_graph([node], "g", ends[:1], ends[1:]), opset_imports=[helper.make_opsetid("", 20)]
    )
    expand_hard_sigmoids(model.graph)
    onnx.checker.check_model(model)
    assert [one.op_type for one in model.graph.node] == ["Mul", "Add", "Clip"]
    values = np.linspace(-4, 4, 7).astype(np.float32)
    (said,) = ReferenceEvaluator(model).run(None, {"x": values})
    np.testing.assert_allclose(np.asarray(said), np.clip(0.25 * values + 0.5, 0, 1), atol=1e-6)
