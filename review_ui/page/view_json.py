"""What the web page is told of a scene."""

from typing import Any

from numpy.typing import NDArray

from maskaug.review_ui.session.session import Decision
from maskaug.review_ui.view.display import Sight
from maskaug.review_ui.view.view import SCORE_WORDS, Cell, Scene, pace, words


def scene_record(scene: Scene, version: int) -> dict[str, Any]:
    """A scene as JSON: pictures by their places in the queue, all else as it is to be written.

    Whether a picture is a control is not in it.
    """
    counts = scene.counts
    return {
        "version": version,
        "mode": scene.mode,
        "help": scene.help,
        "cursor": scene.cursor,
        "look": {name: getattr(scene.look, name) for name in ("before", "side", "lines", "zoom")},
        "counts": {name: getattr(counts, name) for name in ("total", "accepted", "rejected", "left")},
        "pace": pace(counts),
        "place": scene.place,
        "message": scene.message,
        "tone": scene.tone,
        "others": words(scene.others),
        "cells": [_cell(cell, scene) for cell in scene.cells],
    }


def _cell(cell: Cell, scene: Scene) -> dict[str, Any]:
    shown, picture = cell.shown, cell.picture
    folder, _, name = picture.output.rpartition("/")
    decided = cell.verdict.decided
    record: dict[str, Any] = {
        "place": cell.place,
        "folder": folder,
        "name": name,
        "kind": picture.kind,
        "quality": round(picture.quality, 3),
        "decided": decided.action if decided else None,
        "reason": words(decided.reason) if decided and decided.reason else "",
        "auto": bool(decided and decided.auto),
        "flagged": cell.verdict.flagged,
        "mark": _mark(cell.mark),
        "ready": shown is not None,
        "problem": shown.problem if shown else None,
    }
    if shown is None or scene.mode != "single":
        return record
    record["template"] = shown.template
    record["pose"] = [round(angle) for angle in shown.pose]
    record["reasons"] = [SCORE_WORDS.get(reason, words(reason)) for reason in shown.reasons]
    sight = shown.close if scene.look.zoom else shown.whole
    if sight is not None:
        record["sight"] = _sight(sight, lines=scene.look.lines)
    return record


def _mark(mark: Decision | None) -> str | None:
    return None if mark is None else words(mark.reason) if mark.reason else "reject"


def _sight(sight: Sight, *, lines: bool) -> dict[str, Any]:
    height, width = sight.after.shape[:2]
    return {
        "width": width,
        "height": height,
        "before": sight.before is not None,
        "outlines": [_points(points) for points in sight.outlines] if lines else [],
        "landmarks": [_points(points) for points in sight.landmarks] if lines else [],
    }


def _points(points: NDArray[Any]) -> list[list[float]]:
    """Corners of pixels are at whole numbers in a browser, centres are here."""
    return [[round(float(x) + 0.5, 1), round(float(y) + 0.5, 1)] for x, y in points]
