"""Damaged and malicious files of all other kinds, made by a seed, and the program's own way to read each.

Each kind has a whole file, made once; `mutated_file` spoils it: bytes as `mutated` does to pictures, or what the file
says, at a random place: numbers that no file has, other types, paths out of the folder, depth without end.
"""

import io
import json
import math
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import astronaut
import cv2
import mutated
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tiny_network  # noqa: F401  registers the networks
import torch
from generated import MASKED, UNMASKED, Generated, digest, review, texture
from sharded import write_tar
from training import balanced

from maskaug.assets import bundled_classifier, standard_pack
from maskaug.augment import VerifyOptions, open_generated, read_manifest, verify
from maskaug.augment.curate.curate import curate
from maskaug.augment.curate.options import CurateOptions
from maskaug.augment.generate.journal import Journal
from maskaug.augment.generate.options import GenerateOptions
from maskaug.augment.generate.resume import resumed
from maskaug.augment.generate.scan import scan
from maskaug.augment.reviews.log import ReviewLog, read_reviews
from maskaug.core.errors import MaskaugError
from maskaug.core.faces import Face
from maskaug.core.pictures import PictureError, encode_picture, read_picture
from maskaug.core.version import __version__
from maskaug.masktheface_wrapper import FaceFinder, MaskEngine, load_pack
from maskaug.review_ui import (
    DecisionsExportOptions,
    DecisionsImportOptions,
    ReviewOptions,
    export_decisions,
    import_decisions,
)
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.view.keys import read_keys
from maskaug.train import load_onnx
from maskaug.train.data.margins import load_margins
from maskaug.train.data.samples import list_samples
from maskaug.train.fit.begin import configure
from maskaug.train.fit.optimize import make_ema, make_optimizer
from maskaug.train.fit.options import TrainOptions
from maskaug.train.fit.state import load_state, restore
from maskaug.train.fit.train import train
from maskaug.train.model.checkpoint import load_model
from maskaug.train.model.network import build_network
from maskaug.train.model.weights import initial_network
from maskaug.train.predict.frames import read_frames
from maskaug.train.predict.inputs import Input

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 2**63, 10**400, 1e308, -1e-320, math.nan, math.inf),
    *("", "../../outside.png", "/etc/passwd", "C:\\x", "a\0b", "\ud800", "x" * 10_000, "%(mask_a)s", "nan", "1e400"),
    *([], {}, [[]], {"": ""}, [0] * 500),
)
DEPTH = 100_000  # of nested brackets


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        file: Its place below the folder that `make` has made.
        read: Reads it as the program does; the folder, and a face to try packs on.
        how: What its mutations know of it: bytes, or what the file says.
    """

    file: str
    read: Callable[[Path], None]
    how: str = "bytes"


def make(folder: Path) -> None:
    """Whole files of all kinds below a folder."""
    pack = folder / "pack"
    pack.mkdir(parents=True)
    whole = json.loads((standard_pack() / "pack.json").read_text())
    entry = next(one for one in whole["templates"] if one["kind"] == "surgical")
    whole["templates"] = [entry]
    (pack / "pack.json").write_text(json.dumps(whole))
    for name in {entry["file"], entry.get("half") or entry["file"]}:
        shutil.copy(standard_pack() / name, pack / name)
    theirs = folder / "theirs" / "masks"
    theirs.mkdir(parents=True)
    shutil.copy(pack / entry["file"], theirs / "blue.png")
    points = zip("abcdef", entry["anchors"].values(), strict=True)
    lines = ["[surgical_blue]", "template: masks/blue.png"]
    lines += [f"mask_{letter}: {x}, {y}" for letter, (x, y) in points]
    (theirs / "masks.cfg").write_text("\n".join(lines))
    made = Generated(folder / "set")
    decisions = dict[str, str]()
    for number, decision in enumerate(("accept", "reject: misaligned", "reject")):
        made.original("train", f"f{number}", texture(number))
        decisions[made.mask("train", f"f{number}", 0)] = decision
    made.finish()
    review(folder / "set", "bert", decisions)
    for to in ("csv", "coco", "labelstudio", "fiftyone"):
        export_decisions(DecisionsExportOptions(dst=folder / "set", out=folder / DECISIONS[to], to=to))
    stored = GenerateOptions(src=Path("faces"), dst=folder / "set").resolved()
    (folder / "set" / "config.json").write_text(json.dumps({"maskaug": __version__, **stored}))
    review(folder / "set", "anna", {digest(number): "accept" for number in range(6)})
    (folder / "half").mkdir()
    (folder / "half" / ".journal.jsonl").write_text(
        "".join(
            json.dumps({"source": row["source"], "round": 0, "rows": [{"status": "masked", "output": row["output"]}]})
            + "\n"
            for row in read_manifest(folder / "set")
        )
    )
    (folder / "keys.json").write_text('{"accept": ["j"], "reject": ["k"]}')
    samples = {f"{number}.jpg": encode_picture(texture(number), "jpeg") for number in range(3)}
    samples |= {f"{number}.json": json.dumps({"label": UNMASKED, "quality": 0.5}).encode() for number in range(3)}
    write_tar(folder / "train.tar", sorted(samples.items()))
    columns = {
        "image": list(samples.values())[:3],
        "label": [UNMASKED] * 3,
        "quality": pa.array([0.5] * 3, pa.float32()),
    }
    pq.write_table(pa.table(columns), folder / "train.parquet")
    (folder / "train.csv").write_text(f"file,label\ntrain.tar,{UNMASKED}\nset/train/{UNMASKED}/f0.jpg,{UNMASKED}\n")
    changes = ["size=32", "batch_size=8", "epochs=1"]
    data = balanced(folder / "data", train=4, val=2)
    cache = folder / "cache"
    train(TrainOptions(data=data, out=folder / "run", arch="tiny", set_=changes, wandb="disabled", cache=cache))
    shutil.copy(bundled_classifier(), folder / "classifier.onnx")
    video = cv2.VideoWriter(str(folder / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (64, 48))
    other = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 5.0, (64, 48))
    for number in range(6):
        frame = np.ascontiguousarray(texture(number, 64)[:48])
        video.write(frame)
        other.write(frame)
    video.release()
    other.release()


# Exported decisions, by format.
DECISIONS = {
    "csv": "decisions.csv",
    "coco": "decisions.json",
    "labelstudio": "label_studio",
    "fiftyone": "fiftyone",
}


class Reader:
    """Reads files of all kinds; holds what takes long to load."""

    def __init__(self) -> None:
        """Find the face that packs are tried on."""
        self._photo = np.ascontiguousarray(astronaut.face(200))
        self._faces: list[Face] = FaceFinder().find(self._photo)

    def put_on(self, folder: Path) -> None:
        """A mask of a pack on a face; what it raises becomes the picture's row in `generate`."""
        engine = MaskEngine(FaceFinder(), load_pack(folder))
        try:
            engine.apply(self._photo, self._faces[0], engine.sample(np.random.default_rng(0)))
        except MaskaugError:
            raise
        except Exception as error:
            raise RowError(error) from error


class RowError(Exception):
    """Something that `generate` or `predict` tells in the picture's row."""


def kinds(reader: Reader) -> dict[str, Kind]:
    """The kinds, by name."""
    train_on = TrainOptions
    return {
        "pack": Kind("pack/pack.json", lambda root: reader.put_on(root / "pack"), "json"),
        "pack's picture": Kind("pack/" + _picture_of_pack(), lambda root: reader.put_on(root / "pack")),
        "masks.cfg": Kind("theirs/masks/masks.cfg", lambda root: reader.put_on(root / "theirs"), "lines"),
        "manifest": Kind("set/manifest/part-00000.parquet", _read_set, "parquet"),
        "journal": Kind("half/.journal.jsonl", _read_journal, "json lines"),
        "reviews": Kind("set/reviews/anna.jsonl", _read_reviews, "json lines"),
        "decisions, CSV": Kind(DECISIONS["csv"], lambda root: _import(root, DECISIONS["csv"]), "lines"),
        "decisions, COCO": Kind(DECISIONS["coco"], lambda root: _import(root, DECISIONS["coco"]), "json"),
        "decisions, Label Studio": Kind("label_studio/tasks.json", lambda root: _import(root, "label_studio"), "json"),
        "decisions, FiftyOne": Kind("fiftyone/samples.json", lambda root: _import(root, "fiftyone"), "json"),
        "generate's config": Kind("set/config.json", _read_options, "json"),
        "train's config": Kind("run/config.json", lambda root: _none(configure(train_on(resume=root / "run"))), "json"),
        "keys": Kind("keys.json", lambda root: _none(read_keys(root / "keys.json")), "json"),
        "calibration": Kind("run/calibration.json", _read_model, "json"),
        "margins": Kind("run/margins.json", lambda root: _none(load_margins(root / "run")), "json"),
        "best.pt": Kind("run/best.pt", _read_model, "torch"),
        "last.pt": Kind("run/last.pt", _read_state, "torch"),
        "safetensors": Kind("run/best.safetensors", _read_weights),
        "ONNX": Kind("classifier.onnx", _read_onnx),
        "AVI": Kind("clip.avi", lambda root: _play(root / "clip.avi")),
        "MP4": Kind("clip.mp4", lambda root: _play(root / "clip.mp4")),
        "tar shard": Kind("train.tar", lambda root: _read_container(root / "train.tar")),
        "parquet of pictures": Kind("train.parquet", lambda root: _read_container(root / "train.parquet"), "parquet"),
        "CSV of paths": Kind("train.csv", lambda root: _read_container(root / "train.csv"), "lines"),
        "checksums": Kind("run/checksums.txt", lambda root: _none(verify(VerifyOptions(dst=root / "run"))), "lines"),
    }


def _picture_of_pack() -> str:
    whole = json.loads((standard_pack() / "pack.json").read_text())
    return str(next(one["file"] for one in whole["templates"] if one["kind"] == "surgical"))


def _none(_: object) -> None:
    return None


def _read_set(root: Path) -> None:
    for _ in read_manifest(root / "set"):
        pass
    verify(VerifyOptions(dst=root / "set"))
    read_queue(ReviewOptions(dst=root / "set", annotator="anna"), [])
    try:
        curate(CurateOptions(dst=root / "set", out=root / "curated"))
    finally:
        shutil.rmtree(root / "curated", ignore_errors=True)


def _read_container(path: Path) -> None:
    """What cannot be used becomes a row in `generate`."""
    found = scan(path, UNMASKED, MASKED)
    for source in found.sources:
        with suppress(PictureError):
            read_picture(source.path)
    list_samples(path, (UNMASKED, MASKED))


def _read_journal(root: Path) -> None:
    journal = Journal(root / "half" / ".journal.jsonl")
    try:
        list(journal.rows())
        for source in journal.sources():
            list(journal.all_rows(source))
    finally:
        journal.close()


def _read_reviews(root: Path) -> None:
    read_reviews(root / "set")
    ReviewLog(root / "set", "anna").close()


def _import(root: Path, name: str) -> None:
    try:
        import_decisions(DecisionsImportOptions(dst=root / "set", file=root / name, annotator="zoe", of="bert"))
    finally:
        (root / "set/reviews/zoe.jsonl").unlink(missing_ok=True)


def _read_options(root: Path) -> None:
    open_generated(root / "set").read_options()
    resumed(GenerateOptions(src=Path("faces"), dst=root / "set", resume=True))


def _read_model(root: Path) -> None:
    load_model(root / "run", torch.device("cpu"))


def _read_state(root: Path) -> None:
    config, device = configure(TrainOptions(resume=root / "run")), torch.device("cpu")
    network = build_network(config.recipe.arch, 1)
    state = load_state(root / "run")
    if state is None:
        raise AssertionError
    average = make_ema(network, config.recipe.ema) if config.recipe.ema else None
    restore(state, network, make_optimizer(network, config.recipe), average, device)


def _read_weights(root: Path) -> None:
    initial_network("tiny", str(root / "run" / "best.safetensors"), 1)


def _read_onnx(root: Path) -> None:
    judge = load_onnx(root / "classifier.onnx", threads=1)
    size = judge.preparation.size
    try:
        judge.class_probabilities(np.zeros((1, size, size, 3), dtype=np.uint8))
    except MaskaugError:
        raise
    except Exception as error:
        raise RowError(error) from error


def _play(path: Path) -> None:
    for frame in read_frames([Input(path, Path(path.name))]):
        if frame.problem:
            raise RowError(frame.problem)


def mutated_file(data: bytes, how: str, rng: np.random.Generator) -> bytes:
    """Spoiled: half of the time its bytes, else what it says."""
    if how == "bytes" or rng.random() < 0.4:
        spoiled = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            spoiled = mutated.DAMAGES[int(rng.integers(len(mutated.DAMAGES) - 1))](spoiled, rng)
        return bytes(spoiled)
    return {"json": _json, "json lines": _json_lines, "lines": _lines, "parquet": _parquet, "torch": _torch}[how](
        data, rng
    )


def _odd(rng: np.random.Generator) -> Any:
    return ODD[int(rng.integers(len(ODD)))]


def _changed(value: Any, rng: np.random.Generator) -> Any:
    """A random node of nested lists and mappings replaced, or gone, or there twice."""
    children = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not children or rng.random() < 0.25:
        return _odd(rng)
    key, copy = children[int(rng.integers(len(children)))], value.copy()
    step = rng.random()
    if step < 0.12:
        del copy[key]
    elif step < 0.2 and isinstance(copy, dict):
        copy[str(_odd(rng))] = copy[key]
    else:
        copy[key] = _changed(copy[key], rng)
    return copy


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _json(data: bytes, rng: np.random.Generator) -> bytes:
    if rng.random() < 0.03:
        return b"[" * DEPTH
    value = json.loads(data)
    for _ in range(int(rng.integers(1, 3))):
        value = _changed(value, rng)
    return _dumped(value)


def _json_lines(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.splitlines()
    number = int(rng.integers(len(lines)))
    lines[number] = _json(lines[number], rng)
    return b"\n".join(lines) + b"\n"


def _lines(data: bytes, rng: np.random.Generator) -> bytes:
    lines = data.decode().splitlines()
    number = int(rng.integers(len(lines)))
    key, separator, _ = lines[number].partition("  " if "  " in lines[number] else ": ")
    odd = str(_odd(rng)).encode("utf-8", "replace").decode()
    lines[number] = [f"{key}{separator}{odd}", odd, f"{lines[number]}\n{lines[number]}"][int(rng.integers(3))]
    return "\n".join(lines).encode()


def _parquet(data: bytes, rng: np.random.Generator) -> bytes:
    table = pq.read_table(io.BytesIO(data))
    names = table.column_names
    filled = [name for name in names if table[name].null_count < len(table)]
    name = str(rng.choice(filled))
    place, step = names.index(name), rng.random()
    if step < 0.2:
        table = table.remove_column(place)
    elif step < 0.4:
        table = table.set_column(place, name, pa.array([int(rng.integers(-9, 9))] * len(table)))
    elif step < 0.5:
        table = table.set_column(place, name, pa.nulls(len(table), table.schema.field(name).type))
    else:
        values = table[name].to_pylist()
        values[int(rng.integers(len(values)))] = _odd(rng)
        try:
            table = table.set_column(place, name, pa.array(values, table.schema.field(name).type))
        except (pa.ArrowException, OverflowError, TypeError, UnicodeEncodeError, ValueError):
            table = table.slice(0, int(rng.integers(len(table) + 1)))
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _torch(data: bytes, rng: np.random.Generator) -> bytes:
    value = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    out = io.BytesIO()
    torch.save(_changed(dict(value), rng), out)
    return out.getvalue()
