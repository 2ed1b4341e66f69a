"""What gives overlays away, in figures: maskaug's and MaskTheFace's on the same faces.

python benchmarks/realism.py FACES [--real DIR] [--peer PATH] [--limit N] [--seed 0] [--json FILE] [--sheet FILE.png]

FACES is a folder of unmasked face pictures, DIR one of photographs of real masks, PATH a checkout of MaskTheFace (it
needs tqdm, dotmap and requests on PYTHONPATH). Kinds take turns from face to face, the same for both; MaskTheFace's
masks keep their own colours. Only faces that both mask are compared; landmarks for measuring are ours, of the unmasked
picture, for both. What each figure means stands in realism_metrics.py. The column "untouched" is what the photographs
themselves give, as a measure of the measures: halo and clipped white along and inside our mask's outline, gradient and
noise of the lower half of the visible skin over the upper half.

The classifier (realism_classifier.py, needs torch) is trained to tell overlays from real masks. The faces come from
other photographs than the real masks, which it also learns: compare the two programs, not either with 0.5.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import masktheface
import numpy as np
import realism_metrics as metrics
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from skimage.color import rgb2lab

from maskaug.core.arrays import Image
from maskaug.core.pictures import PictureError, read_picture
from maskaug.masktheface_wrapper import FaceFinder, MaskEngine, Overlay

Values = dict[str, float | None]  # of one face, by metric

_KINDS = ("n95", "kn95", "surgical", "cloth")
_OURS, _THEIRS, _NONE = "maskaug", "MaskTheFace", "untouched"
_MOST_CHROMA, _LEAST_LIGHTNESS = 8.0, 40.0  # of white and grey cloth
_LEAST_HIT = 0.2  # share of the lower face that a mask covers where it is meant for this face
_FEWEST_CROPS, _CLASSIFIER_SEEDS = 20, 3
_SHEET_FACES, _SHEET_WIDTH = 40, 1920


@dataclass(frozen=True)
class Masked:
    """One program's overlay: picture, alpha, and whether its cloth is white or grey."""

    image: Image
    alpha: Image
    neutral: bool


@dataclass
class Face:
    """One face, and what the programs made of it, by name."""

    source: str
    kind: str
    original: Image
    landmarks: NDArray[np.float32]
    quality: float
    masked: dict[str, Masked]
    values: dict[str, Values] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A line of the table: a metric's summary over faces."""

    name: str
    metric: str
    summary: Callable[[Sequence[float]], float]
    shown: str
    wanted: str
    kinds: tuple[str, ...] = _KINDS


def main() -> None:
    """Parse the command line, mask, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--real", type=Path, help="photographs of real masks, for the classifier")
    parser.add_argument("--peer", type=Path, help="checkout of MaskTheFace")
    parser.add_argument("--limit", type=int, help="so many pictures, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="also write the figures here, with those of each face")
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet here; only for looking")
    arguments = parser.parse_args()
    console = Console(width=140)

    paths = _pictures(arguments.faces)
    if arguments.limit:
        drawn = np.random.default_rng(arguments.seed).permutation(len(paths))[: arguments.limit]
        paths = [paths[number] for number in sorted(drawn)]
    faces = _masked_by_us(paths, arguments.faces, arguments.seed)
    counts = {"pictures": len(paths), "masked by maskaug": len(faces)}
    programs = [_OURS]
    if arguments.peer:
        programs.append(_THEIRS)
        faces = _masked_by_peer(faces, arguments.peer)
        counts["masked by both"] = len(faces)
    console.print(", ".join(f"{name}: {count}" for name, count in counts.items()))
    if arguments.sheet:
        cv2.imwrite(str(arguments.sheet), _sheet(faces, arguments.seed)[:, :, ::-1])
    for face in faces:
        _measure(face)
    rows = _rows()
    figures = {row.name: _figures(row, faces, [*programs, _NONE]) for row in rows}
    counts["too few blocks of mask or skin"] = sum(face.values[_OURS]["gradient"] is None for face in faces)

    told = _classify(faces, programs, arguments.real, arguments.seed, console) if arguments.real else {}
    console.print(_table(rows, figures, told, programs))
    console.print(
        f"faces with too few blocks of mask or skin under maskaug: {counts['too few blocks of mask or skin']}"
    )
    if arguments.json:
        content = {
            "seed": arguments.seed,
            "counts": counts,
            "figures": {row.name: {**figures[row.name], "wanted": row.wanted} for row in rows},
            "classifier": told,
            "faces": [
                {"source": face.source, "kind": face.kind, "quality": face.quality, **face.values} for face in faces
            ],
        }
        arguments.json.write_text(json.dumps(content, indent=1) + "\n")


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png"})


def _masked_by_us(paths: list[Path], folder: Path, seed: int) -> list[Face]:
    """The largest face of each picture, masked."""
    engine, faces = MaskEngine.default(), []
    for number, path in enumerate(paths):
        try:
            original = read_picture(path).pixels
        except PictureError:
            continue
        for face in engine.find(original)[:1]:
            params = engine.sample(np.random.default_rng([seed, number]), _KINDS[number % len(_KINDS)])
            overlay = engine.apply(original, face, params)
            if overlay.alpha.any():
                masked = {_OURS: Masked(overlay.image, overlay.alpha, _neutral(engine, overlay))}
                source = path.relative_to(folder).as_posix()
                faces.append(Face(source, params.kind, original, face.landmarks, overlay.quality, masked))
    return faces


def _neutral(engine: MaskEngine, overlay: Overlay) -> bool:
    params, template = overlay.params, engine.pack.templates[overlay.params.template]
    cloth = np.array(list(bytes.fromhex(params.color[1:]))) if params.color else template.cloth
    lightness, *chroma = rgb2lab(np.asarray(cloth)[None, None] / 255)[0, 0]
    return not params.pattern and lightness >= _LEAST_LIGHTNESS and float(np.hypot(*chroma)) <= _MOST_CHROMA


def _masked_by_peer(faces: list[Face], peer: Path) -> list[Face]:
    """Those of the faces that MaskTheFace masks too."""
    types = [masktheface.TYPES[face.kind] for face in faces]
    chosen = [names[number // len(_KINDS) % len(names)] for number, names in enumerate(types)]
    both = []
    with tempfile.TemporaryDirectory() as folder:
        pictures = [(face.original, name) for face, name in zip(faces, chosen, strict=True)]
        overlays = masktheface.mask_with_peer(peer, pictures, Path(folder))
        for face, name, overlay in zip(faces, chosen, overlays, strict=True):
            if overlay is None:
                continue
            image, alphas = overlay
            hits = [metrics.coverage(alpha, face.landmarks) or 0.0 for alpha in alphas]
            best = int(np.argmax(hits))
            if hits[best] >= _LEAST_HIT:
                face.masked[_THEIRS] = Masked(image, alphas[best], name in masktheface.NEUTRAL)
                both.append(face)
    return both


def _measure(face: Face) -> None:
    points, original = face.landmarks, face.original
    side = metrics.block_side(points)
    for program, one in face.masked.items():
        mask, skin = metrics.mask_region(one.alpha, points), metrics.skin_region(one.alpha, points)
        face.values[program] = {
            "halo": metrics.rim_halo(one.image, one.alpha, points),
            "added halo": metrics.rim_halo(one.image, one.alpha, points, original),
            "clipped": metrics.clipped_white(one.image, one.alpha),
            "gradient": metrics.gradient_ratio(one.image, mask, skin, side),
            "noise": metrics.noise_ratio(one.image, mask, skin, side),
            "cast": metrics.color_cast(one.image, one.alpha, original) if one.neutral else None,
            "coverage": metrics.coverage(one.alpha, points),
            "eyes": metrics.eyes_covered(one.alpha, points),
            "spill": metrics.spill(one.alpha, points),
            "floats": metrics.strap_floats(one.alpha, points),
        }
    alpha = face.masked[_OURS].alpha
    halves = metrics.lower_and_upper(metrics.skin_region(alpha, points))
    face.values[_NONE] = {
        "halo": metrics.rim_halo(original, alpha, points),
        "clipped": metrics.clipped_white(original, alpha),
        "gradient": metrics.gradient_ratio(original, *halves, side),
        "noise": metrics.noise_ratio(original, *halves, side),
    }


def _rows() -> list[Row]:
    def share(true: Callable[[float], bool]) -> Callable[[Sequence[float]], float]:
        return lambda values: statistics.fmean(map(true, values))

    mean, median = statistics.fmean, statistics.median
    rows = [
        Row("rim halo: faces with > 8 % of the outline", "halo", share(lambda value: value > 0.08), "%", "0 %"),
        Row("rim halo: share of the outline, mean", "halo", mean, "%", ""),
        Row("  and than the untouched picture: faces", "added halo", share(lambda value: value > 0.08), "%", "0 %"),
        Row("  and than the untouched picture: mean", "added halo", mean, "%", ""),
        Row("clipped white, mean", "clipped", mean, "%", "<= 2 %"),
        Row("clipped white, mean over N95 and KN95", "clipped", mean, "%", "<= 2 %", ("n95", "kn95")),
        Row("gradient energy, mask / skin: within 20 %", "gradient", share(lambda v: 0.8 <= v <= 1.2), "%", ">= 95 %"),
        Row("gradient energy, mask / skin: within a factor 2", "gradient", share(lambda v: 0.5 <= v <= 2), "%", ""),
        Row("gradient energy, mask / skin: median", "gradient", median, "", "1"),
        Row("noise, mask / skin: within a factor 1.5", "noise", share(lambda v: 1 / 1.5 <= v <= 1.5), "%", ""),
        Row("noise, mask / skin: median", "noise", median, "", "1"),
        Row("colour cast of white and grey masks, median", "cast", median, "", "less"),
    ]
    for kind in _KINDS:
        rows += [
            Row(f"coverage, {kind}: least", "coverage", min, "%", ">= 97 %", (kind,)),
            Row(
                f"coverage, {kind}: 5th percentile", "coverage", lambda v: float(np.percentile(v, 5)), "%", "", (kind,)
            ),
            Row(f"coverage, {kind}: >= 97 %", "coverage", share(lambda v: v >= 0.97), "%", "100 %", (kind,)),
        ]
    return [
        *rows,
        Row("above the lower eyelid: faces", "eyes", share(lambda value: value > 0.005), "%", "0 %"),
        Row("spill outside the head, mean", "spill", mean, "%", "less"),
        Row("straps that end in mid-face: of faces with straps", "floats", mean, "%", "0 %"),
    ]


def _figures(row: Row, faces: list[Face], programs: list[str]) -> dict[str, dict[str, float]]:
    """Summary and number of faces, by program, where there are any."""
    figures = {}
    for program in programs:
        values = [face.values[program].get(row.metric) for face in faces if face.kind in row.kinds]
        known = [float(value) for value in values if value is not None]
        if known:
            figures[program] = {"value": row.summary(known), "faces": len(known)}
    return figures


def _classify(
    faces: list[Face], programs: list[str], real: Path, seed: int, console: Console
) -> dict[str, dict[str, float]]:
    """The classifier's figures by program, on the faces found again under every program's mask."""
    import realism_classifier as classifier  # noqa: PLC0415  needs torch

    finder = FaceFinder()

    def crop(image: Image) -> Image | None:
        found = finder.find(image)
        return classifier.crop(image, found[0].landmarks) if found else None

    crops = [{program: crop(face.masked[program].image) for program in programs} for face in faces]
    usable = [number for number, one in enumerate(crops) if all(cut is not None for cut in one.values())]
    reals = list(_first(map(crop, _shuffled_pictures(real, seed)), len(usable)))
    count = min(len(usable), len(reals))
    console.print(
        f"classifier: {len(usable)} faces found again under every mask, {len(reals)} real masks, {count} of each used"
    )
    if count < _FEWEST_CROPS:
        console.print(f"too few for a classifier: {_FEWEST_CROPS} are needed")
        return {}
    chosen = np.random.default_rng(seed).permutation(usable)[:count]
    told = {}
    for program in programs:
        fakes = [crops[number][program] for number in chosen]
        areas, scores = zip(
            *(classifier.told_apart(fakes, reals[:count], one) for one in range(_CLASSIFIER_SEEDS)), strict=True
        )
        for number, score in zip(chosen, np.mean(scores, axis=0), strict=True):
            faces[number].values[program]["looks fake"] = float(score)
        told[program] = {"auc": statistics.fmean(areas), "sd": statistics.stdev(areas), "faces": count}
    return told


def _shuffled_pictures(folder: Path, seed: int) -> Iterator[Image]:
    paths = _pictures(folder)
    for number in np.random.default_rng(seed).permutation(len(paths)):
        yield read_picture(paths[number]).pixels


def _first(crops: Iterator[Image | None], count: int) -> Iterator[Image]:
    for crop in crops:
        if count == 0:
            return
        if crop is not None:
            count -= 1
            yield crop


def _table(
    rows: list[Row],
    figures: dict[str, dict[str, dict[str, float]]],
    told: dict[str, dict[str, float]],
    programs: list[str],
) -> Table:
    table = Table("metric", *programs, _NONE, "wanted")
    for row in rows:
        cells = []
        for program in [*programs, _NONE]:
            figure = figures[row.name].get(program)
            value = (
                f"{figure['value']:.1%}" if figure and row.shown == "%" else f"{figure['value']:.2f}" if figure else ""
            )
            cells.append(f"{value} ({figure['faces']})" if figure else "")
        table.add_row(row.name, *cells, row.wanted)
    if told:
        cells = [f"{told[program]['auc']:.3f} +- {told[program]['sd']:.3f}" for program in programs]
        table.add_row("told from real masks: area under ROC curve", *cells, "", "less than theirs")
    return table


def _sheet(faces: list[Face], seed: int) -> Image:
    """Original and overlays side by side at their own size, faces from left to right in rows."""
    chosen = np.random.default_rng(seed).permutation(len(faces))[:_SHEET_FACES]
    tiles = [
        np.hstack([faces[number].original, *(one.image for one in faces[number].masked.values())]) for number in chosen
    ]
    lines: list[list[Image]] = [[]]
    for tile in sorted(tiles, key=lambda tile: tile.shape[0]):
        if lines[-1] and sum(one.shape[1] for one in lines[-1]) + tile.shape[1] > _SHEET_WIDTH:
            lines.append([])
        lines[-1].append(tile)
    width = max(sum(tile.shape[1] for tile in line) for line in lines)
    return np.vstack([_line(line, width) for line in lines])


def _line(tiles: list[Image], width: int) -> Image:
    height = max(tile.shape[0] for tile in tiles)
    line = np.full((height, width, 3), 255, dtype=np.uint8)
    left = 0
    for tile in tiles:
        line[: tile.shape[0], left : left + tile.shape[1]] = tile
        left += tile.shape[1]
    return line


if __name__ == "__main__":
    main()
