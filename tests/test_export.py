import numpy as np
import onnxruntime
import pytest
import torch
from classifiers import SIZE, load, write_network

from maskaug.augment.pictures import read_picture
from maskaug.train.calibration import Calibration
from maskaug.train.export import ExportError, export
from maskaug.train.options import ExportOptions


@pytest.fixture
def run(tmp_path):
    return write_network(tmp_path / "run", calibration=Calibration(temperature=0.25, threshold=0.7))


@pytest.fixture
def crops(run, faces_folder):
    """``(8, S, S, 3) uint8`` and what the run says of them."""
    classifier = load(run)
    pictures = np.stack([classifier.prepare(read_picture(path).pixels) for path in sorted(faces_folder.rglob("*.jpg"))])
    return pictures, classifier.calibration.probabilities(classifier.logits(pictures))


def test_onnx_gives_the_same_probabilities(run, crops, tmp_path):
    exported = export(ExportOptions(run=run))
    assert exported.path == run / "model.onnx"
    assert exported.difference < 1e-4
    pictures, expected = crops
    session = onnxruntime.InferenceSession(str(exported.path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": pictures.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(found, expected, atol=1e-4)
    about = session.get_modelmeta().custom_metadata_map
    assert (about["threshold"], about["size"]) == ("0.7", str(SIZE))
    assert about["classes"] == "not_wearing_mask,wearing_mask"
    assert sorted(path.name for path in run.iterdir()) == ["best.pt", "calibration.json", "model.onnx"]


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning", "ignore:.*torch.jit:DeprecationWarning")
def test_torchscript_gives_the_same_probabilities(run, crops, tmp_path):
    exported = export(ExportOptions(run=run, to="torchscript", output=tmp_path / "out" / "net.pt"))
    pictures, expected = crops
    about = {"threshold": ""}
    loaded = torch.jit.load(str(tmp_path / "out" / "net.pt"), _extra_files=about)
    found = loaded(torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert float(about["threshold"]) == 0.7
    assert [path.name for path in exported.path.parent.iterdir()] == ["net.pt"]


def test_a_file_that_differs_is_not_kept(run, monkeypatch):
    def wrong(_whole, _classifier, pictures, path):
        path.write_bytes(b"something else")
        return np.zeros(len(pictures), dtype=np.float32)

    monkeypatch.setattr("maskaug.train.export._to_onnx", wrong)
    with pytest.raises(ExportError, match="differs by"):
        export(ExportOptions(run=run))
    assert sorted(path.name for path in run.iterdir()) == ["best.pt", "calibration.json"]
