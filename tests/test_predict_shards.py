"""`predict` on tar shards, parquet and CSV, here and in an object store: it says what it says of a folder's files."""

import json
from pathlib import Path

import pytest
from sharded import as_parquet, as_shards, write_tar
from training import balanced

from maskaug.core.files import to_path, write_bytes
from maskaug.train import PredictOptions, predict
from maskaug.train.predict.inputs import FramesError, list_inputs

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves files to the garbage collector


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return balanced(tmp_path_factory.mktemp("predicted") / "faces", train=2, val=1)


def judged(*paths):
    """Probabilities of a mask, rising, of what can be read; and the problems of the rest."""
    seen = list(predict(PredictOptions(paths=[str(path) for path in paths], whole=True)))
    scores = [one.probabilities[0] for one in seen if not one.frame.problem]
    return pytest.approx(sorted(scores), abs=1e-6), [one.frame.problem for one in seen if one.frame.problem]


def as_table(folder, out):
    out.mkdir()
    lines = [str(path.resolve()) for path in sorted(folder.glob("*/*/*"))]
    (out / "faces.csv").write_text("\n".join(["path", *lines, ""]))
    return out / "faces.csv"


@pytest.mark.parametrize("write", [as_shards, as_parquet, as_table])
def test_it_says_the_same_as_of_files(faces, tmp_path, write):
    scores, problems = judged(write(faces, tmp_path / "written"))
    assert (scores.expected, problems) == (judged(faces)[0], [])
    assert len(scores.expected) == 6


def test_a_shard_may_be_named_beside_files(faces, tmp_path, maskaug):
    shard = min(as_shards(faces, tmp_path / "shards").iterdir())
    photo = min(faces.glob("*/*/*"))
    done = maskaug("predict", shard, photo, "--whole", "--json", "--draw", tmp_path / "drawn")
    assert done.returncode == 0, done.stderr
    named = [Path(json.loads(line)["picture"]) for line in done.stdout.splitlines()]
    assert named[-1] == photo
    assert {path.parent for path in named[:-1]} == {shard}
    drawn = {path.relative_to(tmp_path / "drawn") for path in (tmp_path / "drawn").rglob("*.png")}
    assert drawn == {Path(shard.name, path.name) for path in named[:-1]} | {Path(photo.name)}


def test_what_cannot_be_read_is_a_problem_and_the_others_are_judged(faces, tmp_path):
    good = min(faces.glob("*/*/*")).read_bytes()
    shard = write_tar(tmp_path / "faces.tar", [("../out.jpg", good), ("a.jpg", good), ("b.jpg", b"no picture")])
    scores, problems = judged(shard)
    assert len(scores.expected) == 1
    assert sorted(problem.partition(" ")[0] for problem in problems) == ["../out.jpg", f"{shard}/b.jpg"]


def test_nothing_to_look_at_is_said(tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(FramesError, match="holds no picture and no video"):
        list_inputs([tmp_path])


def test_it_reads_from_a_store_what_lies_in_a_folder(faces, tmp_path):
    pytest.importorskip("s3fs", reason="needs the extra cloud")
    s3_server = pytest.importorskip("s3_server", reason="needs moto and Flask", exc_type=ImportError)
    shards = as_shards(faces, tmp_path / "shards")
    with s3_server.serving("predicted") as store:
        for name, folder in {"files": faces, "shards": shards}.items():
            for path in folder.rglob("*.*"):
                write_bytes(to_path(f"{store.address}/{name}/{path.relative_to(folder).as_posix()}"), path.read_bytes())
        write_bytes(to_path(f"{store.address}/clips/a.mp4"), b"")
        here = judged(faces)[0]
        with store.failing(0.15):
            assert judged(f"{store.address}/files") == (here.expected, [])
            assert judged(f"{store.address}/shards") == (here.expected, [])
        _, problems = judged(f"{store.address}/clips")
        with pytest.raises(FramesError, match="does not exist"):
            judged(f"{store.address}/nothing")
    assert "copy it: python -c" in problems[0]
