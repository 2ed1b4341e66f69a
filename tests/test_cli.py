import json
import os
import subprocess
import sys

import astronaut
import pytest
from generated import Generated, review, texture

from maskaug.augment.curate.options import CurateOptions
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.masking.options import ApplyOptions
from maskaug.augment.reviews.options import AgreementOptions
from maskaug.cli.doctor import examine
from maskaug.core.pictures import encode_picture, read_picture
from maskaug.core.version import __version__
from maskaug.review_ui import ReviewOptions
from maskaug.train.ablate.options import AblateOptions
from maskaug.train.distill.options import DistillOptions
from maskaug.train.evaluate.options import EvaluateOptions
from maskaug.train.export.options import ExportOptions
from maskaug.train.fit.options import TrainOptions
from maskaug.train.predict.options import PredictOptions


@pytest.mark.parametrize(
    "model",
    [
        *(GenerateOptions, ApplyOptions, CurateOptions, AgreementOptions, ReviewOptions),
        *(TrainOptions, DistillOptions, EvaluateOptions, PredictOptions, AblateOptions, ExportOptions),
    ],
)
def test_every_option_is_documented(maskaug, model):
    name = model.__name__.removesuffix("Options").lower()
    shown = maskaug(name, "--help")
    assert shown.returncode == 0
    for option, field in model.model_fields.items():
        assert field.description, f"{option} has no description"
        assert field.default is not True, f"--{option} would be a flag that cannot be switched off"
        argument = field.is_required() or field.json_schema_extra == {"argument": True}
        assert (option.upper() if argument else f"--{option.rstrip('_').replace('_', '-')}") in shown.stdout
    told = sum("[default:" in field.description for field in model.model_fields.values())
    assert shown.stdout.count("[default:") >= told, "brackets of a description are no markup"
    flags = [line for line in shown.stdout.splitlines() if "<bool>" in line]
    assert len(flags) == 1, "flags take no value, though Typer says so of its own --help"
    assert "--help" in flags[0]


@pytest.mark.slow
def test_generate_prints_a_table_and_plain_progress(maskaug, faces_folder, tmp_path):
    done = maskaug("generate", faces_folder, tmp_path / "out", "--kinds", "n95", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert "masked copies, train/wearing_mask" in done.stdout
    assert "contact_sheet.png" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    again = maskaug("generate", faces_folder, tmp_path / "out")
    assert again.returncode == 1
    assert again.stderr.startswith("maskaug: destination")
    assert len(again.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["generate", "gone", "out"], 1, "does not exist"),
        (["generate", "faces", "out", "--kinds", "n95=x"], 2, "--kinds"),
        (["generate", "faces", "out", "--min-quality", "3"], 2, "--min-quality"),
        (["generate", "faces", "out", "--copies", "2", "--balance"], 2, "exclude each other"),
        (["generate", "faces", "out", "--pack", "faces"], 1, "no template pack"),
        (["generate", "faces", "out", "--landmarks", "gone.dat"], 1, "no dlib shape predictor"),
        (["generate", "faces", "out", "--color", "blue"], 2, "--color"),
        (["generate", "faces", "out", "--wear", "on_head"], 2, "--wear"),
        (["generate", "faces", "out", "--code", "gas"], 2, "no mask called 'gas'"),
        (["generate", "faces", "out", "--textures", "gone"], 1, "cannot read texture"),
        (["curate", "faces", "out"], 1, "no finished data set"),
        (["curate", "faces", "faces"], 1, "the same folder"),
        (["curate", "faces", "out", "--undecided", "by-score"], 2, "--min-quality need each other"),
        (["curate", "faces", "out", "--min-quality", "0.5"], 2, "--min-quality need each other"),
        (["curate", "faces", "out", "--to", "webdataset", "--link", "sym"], 2, "leave out --link"),
        (["curate", "faces", "out", "--val-share", "1"], 2, "--val-share"),
        (["agreement", "faces"], 1, "holds no reviews"),
        (["review", "faces", "--serve"], 1, "no finished data set"),
        (["review", "gone", "--serve"], 1, "no finished data set"),
        (["review", "faces", "--serve", "--keys", "face.png"], 1, "is not JSON"),
        (["review", "faces", "--overlap", "0.2"], 2, "give --annotators anna,bert"),
        (["review", "faces", "--annotator", "a/b"], 2, "--annotator: 'a/b' cannot name a file"),
        (["evaluate", "gone", "faces"], 1, "gone is no training run"),
        (["export", "gone"], 1, "gone is no training run"),
        (["export", "gone", "--to", "torchscript", "--half"], 2, "--half is a form of ONNX files"),
        (["distill", "gone", "--out", "out"], 1, "gone is no training run that can teach"),
        (["train", "faces", "--teacher", "gone", "--out", "out"], 1, "gone is no training run"),
        (["ablate", "faces"], 2, "say what to vary"),
        (["ablate", "faces", "--vary", "colour=red", "--out", "out"], 2, "--vary colour=red: the recipe has no"),
        (["apply", "gone.jpg"], 1, "no picture matches"),
        (["apply", "face.png", "--kind", "gas"], 2, "no mask of kind 'gas'"),
        (["apply", "face.png", "-o", "out.gif"], 2, "must end in .jpg or .png"),
    ],
)
@pytest.mark.usefixtures("faces_folder")
def test_wrong_input_is_one_sentence(maskaug, tmp_path, arguments, status, said):
    (tmp_path / "face.png").write_bytes(encode_picture(astronaut.face(), "png"))
    done = maskaug(*arguments)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_nothing_masked_is_a_failure(maskaug, tmp_path):
    import numpy as np

    folder = tmp_path / "walls"
    folder.mkdir()
    (folder / "wall.png").write_bytes(encode_picture(np.full((80, 80, 3), 120, np.uint8), "png"))
    done = maskaug("generate", folder, tmp_path / "out")
    assert done.returncode == 1
    assert "no picture got a mask" in done.stderr


@pytest.mark.slow
def test_apply_writes_beside_the_picture_or_where_it_is_told(maskaug, tmp_path):
    for number in range(2):
        (tmp_path / f"face_{number}.jpg").write_bytes(encode_picture(astronaut.face(roll=5 * number), "jpeg"))
    done = maskaug("apply", "face_*.jpg", "--kind", "n95")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("n95_") == 2
    for number in range(2):
        before = read_picture(tmp_path / f"face_{number}.jpg").pixels
        assert (read_picture(tmp_path / f"face_{number}_masked.jpg").pixels != before).any()
    one = maskaug("apply", "face_0.jpg", "-o", "new/one.png")
    assert one.returncode == 0, one.stderr
    assert (tmp_path / "new" / "one.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "broken.jpg").write_bytes(b"")
    mixed = maskaug("apply", "broken.jpg", "face_1.jpg", "-o", "all")
    assert mixed.returncode == 1
    assert "broken.jpg is empty" in mixed.stderr
    assert (tmp_path / "all" / "face_1_masked.jpg").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["all", "broken.jpg", "new", *(f"face_{number}{end}.jpg" for number in range(2) for end in ("", "_masked"))]
    )


@pytest.mark.slow
def test_curate_and_agreement_print_what_they_found(maskaug, tmp_path):
    made = Generated(tmp_path / "dst")
    shas = []
    for number in range(4):
        made.original("train" if number else "val", f"[b]{number}", texture(number))
        shas.append(made.mask("train" if number else "val", f"[b]{number}", 0))
    made.finish()
    review(tmp_path / "dst", "anna", dict.fromkeys(shas, "accept"))
    review(tmp_path / "dst", "bert", {shas[0]: "accept", shas[1]: "reject: floating"})
    shown = maskaug("agreement", "dst")
    assert shown.returncode == 0, shown.stderr
    for words in ("Cohen's kappa, anna and bert", "Krippendorff's alpha", "floating", "1 picture in dispute"):
        assert words in shown.stdout
    assert "train/wearing_mask/[b]1__n95_0.jpg: anna: accept, bert: floating" in shown.stdout
    told = json.loads(maskaug("agreement", "dst", "--json").stdout)
    assert [one["name"] for one in told["annotators"]] == ["anna", "bert"]
    assert {"anna/bert"} == told["cohen"].keys()
    dry = maskaug("curate", "dst", "dry", "--dry-run")
    assert "nothing was written; do it with: maskaug curate dst dry" in dry.stdout
    assert "kept, train/wearing_mask" in dry.stdout
    assert not (tmp_path / "dry").exists()
    told = json.loads(maskaug("curate", "dst", "as_json", "--json").stdout)
    assert told["size"] == sum(path.stat().st_size for path in (tmp_path / "as_json").rglob("*.jpg"))
    assert told["kept"]["train/wearing_mask"] + told["left_out"]["rejected/wearing_mask"] == 3
    done = maskaug("curate", "dst", "out")
    assert done.returncode == 0, done.stderr
    assert f"checksum of the whole: {told['checksum']}" in done.stdout, "--json changes nothing that is written"
    for words in ("kept, train/wearing_mask", "left out, rejected, wearing_mask", "checksum of the whole: "):
        assert words in done.stdout
    again = maskaug("curate", "dst", "out")
    assert again.returncode == 1
    assert again.stderr.startswith("maskaug: destination out is not empty")


def test_review_accepts_by_score_and_says_what_is_left(maskaug, tmp_path):
    made = Generated(tmp_path / "dst")
    shas = [made.mask("train", f"f{number}", 0, quality=number / 4) for number in range(4)]
    made.finish()
    review(tmp_path / "dst", "anna", {shas[0]: "accept"})
    record = tmp_path / "dst" / "reviews" / "anna.jsonl"
    record.write_bytes(record.read_bytes() + b'{"output_sha')
    options = ("--annotator", "anna", "--auto-accept", "0.2", "--undecided", "--serve")
    done = maskaug("review", "dst", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 accepted by score\nnothing is left to decide on\n"
    assert "was moved to dst/reviews/anna.jsonl.torn1" in done.stderr
    assert len(record.read_text().splitlines()) == 4
    assert '"auto_accept": 0.2' in (tmp_path / "dst" / "reviews" / "anna.options.json").read_text()
    again = maskaug("review", "dst", "--annotator", "anna", "--undecided", "--serve")
    assert (again.returncode, again.stdout, again.stderr) == (0, "nothing is left to decide on\n", "")


@pytest.mark.slow
def test_without_the_extra_it_is_named(tmp_path):
    (tmp_path / "krippendorff.py").write_text("raise ModuleNotFoundError(name='krippendorff')")
    command = [sys.executable, "-m", "maskaug", "agreement", "dst"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert done.stderr == "maskaug: krippendorff is not installed; give: pip install 'maskaug[curate]'\n"


def test_doctor_names_every_part(maskaug):
    done = maskaug("doctor")
    assert done.returncode == 0, done.stdout
    named = {line[4:].split("  ")[0] for line in done.stdout.splitlines()}
    parts = {finding.part for finding in examine()}
    assert {"dlib", "detectors", "template pack", "window", "torch", "GPU"} <= parts
    assert {"bundled classifier", "three-class classifier"} <= parts
    assert parts <= named


def test_doctor_says_what_to_install(monkeypatch):
    monkeypatch.setattr("maskaug.cli.doctor._version", lambda name: None)
    advice = {finding.part: finding.advice for finding in examine()}
    assert advice["torch"] == "for training: pip install 'maskaug[train]'"
    assert advice["scipy"] == "for curating: pip install 'maskaug[curate]'"
    assert advice["numpy"] == "pip install numpy"


@pytest.mark.slow
def test_the_package_is_a_command(tmp_path):
    command = [sys.executable, "-m", "maskaug", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"maskaug {__version__}\n")
