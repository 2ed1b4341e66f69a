import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from classifiers import SIZE, load, write_network

from maskaug.assets import bundled_classifier
from maskaug.core.pictures import read_picture
from maskaug.train.data.classes import ClassesError
from maskaug.train.data.margins import Margins, save_margins
from maskaug.train.export.export import HALF_TOLERANCE, export
from maskaug.train.export.formats import FORMATS, ExportError, ExportFormat
from maskaug.train.export.options import ExportOptions
from maskaug.train.model.calibration import Calibration
from maskaug.train.model.checkpoint import CheckpointError
from maskaug.train.model.onnx_classifier import OnnxError, OnnxMetadata, load_onnx


@pytest.fixture
def run(tmp_path):
    return write_network(tmp_path / "run", calibration=Calibration(temperature=0.25, threshold=0.7))


@pytest.fixture
def crops(run, faces_folder):
    """``(8, S, S, 3) uint8`` and what the run says of them."""
    classifier = load(run)
    pictures = np.stack([classifier.prepare(read_picture(path).pixels) for path in sorted(faces_folder.rglob("*.jpg"))])
    return pictures, classifier.calibration.probabilities(classifier.logits(pictures))


@pytest.mark.slow
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
    assert about["output"] == "probability: N float32, of wearing_mask"
    assert sorted(path.name for path in run.iterdir()) == ["best.pt", "calibration.json", "model.onnx"]


@pytest.mark.slow
def test_half_the_bytes_say_the_same_within_the_tolerance(crops, tmp_path):
    run = write_network(tmp_path / "large", arch="resnet18", calibration=Calibration(temperature=0.25, threshold=0.7))
    exported = export(ExportOptions(run=run, half=True))
    assert exported.path == run / "model.onnx"
    assert 0 < exported.difference < HALF_TOLERANCE
    assert exported.path.stat().st_size < 0.52 * (run / "best.pt").stat().st_size
    pictures, expected = crops[0], load(run).probabilities(crops[0])
    classifier = load_onnx(exported.path)
    assert classifier.session.get_inputs()[0].shape[1:] == [3, SIZE, SIZE]
    np.testing.assert_allclose(classifier.probabilities(pictures), expected, atol=HALF_TOLERANCE)
    model = onnx.load(exported.path)
    onnx.checker.check_model(model, full_check=True)
    assert b"site-packages" not in exported.path.read_bytes(), "the file tells nothing of this machine"
    kinds = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) > 1}
    assert kinds == {onnx.TensorProto.FLOAT16}


def test_the_bundled_network_takes_less_than_five_megabytes():
    assert bundled_classifier().stat().st_size < 5e6


@pytest.mark.slow
def test_the_file_tells_all_that_it_takes_to_use_it(run):
    save_margins(run, Margins(sides=0.3, above=0.5, below=0.25))
    classifier, trained = load_onnx(export(ExportOptions(run=run, half=True)).path), load(run)
    assert classifier.about.margins == Margins(sides=0.3, above=0.5, below=0.25)
    assert (classifier.threshold, classifier.about.temperature) == (0.7, 0.25)
    assert classifier.preparation == trained.preparation
    assert classifier.about.classes.split(",") == ["not_wearing_mask", "wearing_mask"]
    assert OnnxMetadata.read(classifier.about.as_text()) == classifier.about


@pytest.mark.slow
def test_what_halves_cannot_hold_is_not_exported(run):
    saved = torch.load(run / "best.pt", weights_only=True)
    saved["network"]["8.weight"] *= 1e9
    torch.save(saved, run / "best.pt")
    with pytest.raises(ExportError, match="differs by"):
        export(ExportOptions(run=run, half=True))
    assert not (run / "model.onnx").exists()


def test_halves_are_a_form_of_onnx_alone(run):
    with pytest.raises(ValueError, match="--half is a form of ONNX files"):
        ExportOptions(run=run, to="torchscript", half=True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist; make one with: maskaug export RUN"),
        (b"no model", "is damaged, or no ONNX file"),
    ],
)
def test_files_that_hold_no_classifier_are_refused(tmp_path, content, said):
    if content is not None:
        (tmp_path / "other.onnx").write_bytes(content)
    with pytest.raises(OnnxError, match=said):
        load_onnx(tmp_path / "other.onnx")


@pytest.mark.slow
def test_a_file_that_lacks_what_it_takes_is_refused(run):
    path = export(ExportOptions(run=run)).path
    model = onnx.load(path)
    whole = {one.key: one.value for one in model.metadata_props}
    for name, value in (("framing", "ear"), ("threshold", ""), ("margins", "{"), ("size", None)):
        kept = {key: text for key, text in {**whole, name: value}.items() if text is not None}
        del model.metadata_props[:]
        onnx.helper.set_model_props(model, kept)
        onnx.save(model, path)
        with pytest.raises(OnnxError, match=f"its metadata has no usable {name}; export it again"):
            load_onnx(path)


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
    def wrong(_network, _metadata, pictures, path, *, half):
        path.write_bytes(b"something else")
        return np.zeros(len(pictures), dtype=np.float32)

    monkeypatch.setitem(FORMATS, "onnx", ExportFormat("onnx", ".onnx", wrong))
    with pytest.raises(ExportError, match="differs by"):
        export(ExportOptions(run=run))
    assert sorted(path.name for path in run.iterdir()) == ["best.pt", "calibration.json"]


def test_an_unknown_format_is_refused_by_name(run):
    with pytest.raises(ValueError, match="--to must be onnx or torchscript, but got 'tflite'"):
        ExportOptions(run=run, to="tflite")


@pytest.mark.slow
def test_names_of_classes_travel_with_the_file(run):
    saved = torch.load(run / "best.pt", weights_only=True)
    torch.save({**saved, "classes": ["bare", "covered"]}, run / "best.pt")
    classifier = load_onnx(export(ExportOptions(run=run)).path)
    assert (classifier.classes, classifier.about.output) == (("bare", "covered"), "probability: N float32, of covered")
    torch.save({**saved, "classes": ["bare"]}, run / "best.pt")
    with pytest.raises(ClassesError, match="the classes are bare: a classifier needs two"):
        load(run)
    torch.save({**saved, "classes": ["bare", "covered", "half"]}, run / "best.pt")
    with pytest.raises(CheckpointError, match=r"size mismatch for 8\.weight"):
        load(run)
