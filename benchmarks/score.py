"""The quality score against the verdicts of a person, and the fit of its weights.

python benchmarks/score.py DATA [--verdicts tests/data/verdicts.csv] [--json FILE]

DATA is a folder that the table's sources lie in: chandrikadeb7/Face-Mask-Detection, crops and scenes of
jolignier/face-mask-dataset-ilc-2021, and FairFace. Each row of the table is one overlay, judged by eye: the picture's
SHA-256, the face's number in it, the mask's parameters, accept or reject, and the fault. Those of the first two sets
were judged without sight of their scores. `natural` rows are pictures as they are: of the first set `random` ones and
`hard` ones, among the smallest, most turned and least certain faces; of the second a `crop` or a `scene`; of the third
the `dark`est. So few of the first set's are bad that no score could be fitted on them: the other rows are the same
pictures spoilt first, in the way the row names. All is made anew from the table, so the figures are those of today's
engine.
"""

import argparse
import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

from maskaug.assets import standard_pack
from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper import Face, FaceFinder, MaskEngine, MaskParams, load_pack
from maskaug.masktheface_wrapper.geometry.face_size import face_size
from maskaug.masktheface_wrapper.quality import LIMITS, WEIGHTS

_VERDICTS = Path(__file__).resolve().parents[1] / "tests" / "data" / "verdicts.csv"
_CROPS, _PHOTOGRAPHS, _DARK = ("random", "hard"), ("crop", "scene"), ("dark",)  # of the first, second and third set
_NATURAL = (*_CROPS, *_PHOTOGRAPHS, *_DARK)
_GROUPS = {"natural": _NATURAL, "first set": _CROPS, "second set": _PHOTOGRAPHS, "dark": _DARK}
_GOOD_REFUSED = 0.02  # share of the good natural ones that the threshold of `maskaug generate` may refuse
_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class ScoredOverlay:
    """One row, made anew: its score and features, and whether a person accepted it."""

    source: str
    stratum: str
    accepted: bool
    score: float
    features: dict[str, float]


def main() -> None:
    """Parse the command line, make the overlays anew, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--verdicts", type=Path, default=_VERDICTS)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    scores = judge_all(arguments.data, arguments.verdicts)
    metrics = {"score": agreement(scores), "fit": fit(scores)}
    _print(metrics)
    if arguments.json:
        arguments.json.write_text(json.dumps(metrics, indent=2) + "\n")


def judge_all(data: Path, verdicts: Path) -> list[ScoredOverlay]:
    """Make every overlay of the table anew and score it."""
    pictures = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in data.rglob("*.jpg")}
    engine = MaskEngine(FaceFinder(), load_pack(standard_pack()))
    scores = []
    with verdicts.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            image = cv2.cvtColor(cv2.imread(str(pictures[row["source_sha256"]])), cv2.COLOR_BGR2RGB)
            face = engine.find(image)[int(row.get("face") or 0)]
            if row["stratum"] not in _NATURAL:
                rng = np.random.default_rng([8, int(row["spoil_seed"])])
                image, found = spoil(row["stratum"], image, face, engine, rng)
                if found is None:
                    continue
                face = found
            overlay = engine.apply(image, face, MaskParams.model_validate_json(row["parameters"]))
            accepted = row["verdict"] == "accept"
            scores.append(
                ScoredOverlay(row["source_sha256"], row["stratum"], accepted, overlay.quality, overlay.features)
            )
    return scores


def spoil(
    how: str, image: Image, face: Face, engine: MaskEngine, rng: np.random.Generator
) -> tuple[Image, Face | None]:
    """A picture made hard in one way, and the face then found in it, None if there is none."""
    if how == "box":
        box = face.box.astype(float)
        shift = rng.normal(0, 0.16, 2) * (box[2] - box[0])
        size = float(np.exp(rng.normal(0, 0.22)))
        middle, half = (box[:2] + box[2:]) / 2 + shift, (box[2:] - box[:2]) / 2 * size
        return image, engine.finder.from_box(image, np.concatenate([middle - half, middle + half]).astype(np.float32))
    spoilt = np.ascontiguousarray(_SPOILS[how](image, face, rng))
    return spoilt, next(iter(engine.find(spoilt)), None)


def _rotated(image: Image, face: Face, rng: np.random.Generator) -> Image:
    angle = float(rng.choice([-1, 1]) * rng.uniform(25, 75))
    x, y = face.landmarks.mean(axis=0).tolist()
    turn = cv2.getRotationMatrix2D((x, y), angle, 1.0)
    return np.asarray(cv2.warpAffine(image, turn, image.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))


def _tiny(image: Image, face: Face, rng: np.random.Generator) -> Image:
    factor = float(rng.uniform(7, 14)) / face_size(face.landmarks)
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA))


def _cut(image: Image, face: Face, rng: np.random.Generator) -> Image:
    nose, chin = face.landmarks[33, 1], face.landmarks[8, 1]
    return image[: max(int(nose + (chin - nose) * rng.uniform(-0.1, 0.7)), 20)]


def _cut_side(image: Image, face: Face, rng: np.random.Generator) -> Image:
    nose, jaw = face.landmarks[30, 0], face.landmarks[13, 0]
    return image[:, : max(int(nose + (jaw - nose) * rng.uniform(0.1, 0.8)), 20)]


def _noisy(image: Image, face: Face, rng: np.random.Generator) -> Image:
    blurred = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.08, 0.16) * face_size(face.landmarks)))
    lit = blurred.astype(float) * rng.uniform(0.3, 1)
    return np.clip(lit + rng.normal(0, rng.uniform(4, 20), image.shape), 0, 255).astype(np.uint8)


def _hand(image: Image, face: Face, rng: np.random.Generator) -> Image:
    """Three or four fingers of the face's own colour before the mouth."""
    spoilt, unit, points = image.copy(), face_size(face.landmarks), face.landmarks
    x, y = np.clip(points[27:31].astype(int), 0, (image.shape[1] - 1, image.shape[0] - 1)).T
    skin = np.median(image[y, x], axis=0)
    middle = points[48:60].mean(axis=0) + rng.normal(0, 0.15 * unit, 2)
    angle, fingers = float(rng.uniform(0, 180)), int(rng.integers(3, 5))
    across = np.array([np.cos(np.radians(angle + 90)), np.sin(np.radians(angle + 90))])
    for finger in range(fingers):
        place = middle + across * (finger - (fingers - 1) / 2) * 0.26 * unit
        center = (int(place[0]), int(place[1]))
        tone = skin * rng.uniform(0.82, 1.08)
        for size, shade in (((0.75, 0.13), 0.72), ((0.73, 0.105), 1.0)):
            axes = (int(size[0] * unit), int(size[1] * unit))
            color = tuple(float(value) for value in tone * shade)
            cv2.ellipse(spoilt, center, axes, angle, 0, 360, color, -1, cv2.LINE_AA)
    return spoilt


_SPOILS: dict[str, Callable[[Image, Face, np.random.Generator], Image]] = {
    "rotated": _rotated,
    "tiny": _tiny,
    "cut": _cut,
    "cut_side": _cut_side,
    "noisy": _noisy,
    "hand": _hand,
}


def agreement(scores: list[ScoredOverlay]) -> dict[str, object]:
    """How the score of today's engine agrees with the verdicts: on all rows, the natural ones, and by set."""
    result: dict[str, object] = {}
    groups = {name: [one for one in scores if one.stratum in strata] for name, strata in _GROUPS.items()}
    for name, rows in {"all": scores, **groups}.items():
        if len({one.accepted for one in rows}) < 2:
            continue
        accepted = np.array([one.accepted for one in rows])
        values = np.array([one.score for one in rows])
        result[name] = {
            "overlays": len(rows),
            "accepted": int(accepted.sum()),
            "auc": float(roc_auc_score(accepted, values)),
            "thresholds": {
                threshold: {
                    "passed_acceptable": float(accepted[values >= threshold].mean()),
                    "good_refused": float((values < threshold)[accepted].mean()),
                    "bad_passed": float((values >= threshold)[~accepted].mean()),
                }
                for threshold in _THRESHOLDS
            },
        }
    return result


def fit(scores: list[ScoredOverlay]) -> dict[str, object]:
    """Weights by logistic regression, classes weighed alike, and how it does on sources left out (5 folds, 5 times)."""
    features = np.array([[one.features[name] for name in WEIGHTS] for one in scores])
    accepted = np.array([one.accepted for one in scores])
    sources = np.array([one.source for one in scores])
    model = LogisticRegression(C=3.0, class_weight="balanced")
    left_out = [
        cross_val_predict(
            model,
            features,
            accepted,
            groups=sources,
            cv=StratifiedGroupKFold(5, shuffle=True, random_state=seed),
            method="decision_function",
        )
        for seed in range(5)
    ]
    limits = np.array([np.prod([one.features[name] for name in LIMITS]) for one in scores])
    values = limits / (1 + np.exp(-np.mean(left_out, axis=0)))
    natural, second, dark = (
        np.array([one.stratum in strata for one in scores]) for strata in (_NATURAL, _PHOTOGRAPHS, _DARK)
    )
    passed = values >= np.quantile(values[natural & accepted], _GOOD_REFUSED)
    model.fit(features, accepted)
    return {
        "left_out": {
            name: {
                "good_refused": float((~passed)[group & accepted].mean()),
                "bad_passed": float(passed[group & ~accepted].mean()),
                "acceptable_of_passed": float(accepted[group & passed].mean()),
            }
            for name, group in (("natural", natural), ("second set", second), ("dark", dark))
            if len(set(accepted[group].tolist())) == 2
        },
        "weights": dict(zip(WEIGHTS, model.coef_[0].round(2).tolist(), strict=True)),
        "intercept": round(float(model.intercept_[0]), 2),
        "auc_cross_validated": float(roc_auc_score(accepted, np.mean(left_out, axis=0))),
    }


def _print(metrics: dict[str, dict[str, Any]]) -> None:
    console = Console()
    for name, figure in metrics["score"].items():
        table = Table(title=f"{name}: {figure['accepted']} of {figure['overlays']} accepted, AUC {figure['auc']:.3f}")
        for title in ("threshold", "acceptable of those passed", "refused of the good", "passed of the bad"):
            table.add_column(title, justify="right")
        for threshold, shares in figure["thresholds"].items():
            names = ("passed_acceptable", "good_refused", "bad_passed")
            table.add_row(str(threshold), *(f"{shares[name]:.1%}" for name in names))
        console.print(table)
    console.print(f"fitted: {metrics['fit']}")
    console.print(f"in use: {WEIGHTS}")


if __name__ == "__main__":
    main()
