"""What the web page is told of a scene."""

from typing import Any

from numpy.typing import NDArray

from maskaug.review_ui.session.session import Decision
from maskaug.review_ui.view.display import DisplayImage
from maskaug.review_ui.view.view import SCORE_WORDS, Cell, View, pace_text, readable


def view_json(view: View, version: int) -> dict[str, Any]:
    """A scene as JSON: pictures by their places in the queue, all else as it is to be written.

    Whether a picture is a control is not in it.
    """
    counts = view.counts
    return {
        "version": version,
        "mode": view.mode,
        "help": view.help,
        "cursor": view.cursor,
        "look": {name: getattr(view.look, name) for name in ("before", "side", "lines", "zoom")},
        "counts": {name: getattr(counts, name) for name in ("total", "accepted", "rejected", "left")},
        "pace": pace_text(counts),
        "place": view.place,
        "message": view.message,
        "tone": view.tone,
        "others": readable(view.others),
        "cells": [_cell(cell, view) for cell in view.cells],
    }


def _cell(cell: Cell, view: View) -> dict[str, Any]:
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
        "reason": readable(decided.reason) if decided and decided.reason else "",
        "auto": bool(decided and decided.auto),
        "flagged": cell.verdict.flagged,
        "mark": _mark(cell.mark),
        "ready": shown is not None,
        "problem": shown.problem if shown else None,
    }
    if shown is None or view.mode != "single":
        return record
    record["template"] = shown.template
    record["pose"] = [round(angle) for angle in shown.pose]
    record["reasons"] = [SCORE_WORDS.get(reason, readable(reason)) for reason in shown.reasons]
    display = shown.close if view.look.zoom else shown.whole
    if display is not None:
        record["sight"] = _display(display, lines=view.look.lines)
    return record


def _mark(mark: Decision | None) -> str | None:
    return None if mark is None else readable(mark.reason) if mark.reason else "reject"


def _display(display: DisplayImage, *, lines: bool) -> dict[str, Any]:
    height, width = display.after.shape[:2]
    return {
        "width": width,
        "height": height,
        "before": display.before is not None,
        "outlines": [_points(points) for points in display.outlines] if lines else [],
        "landmarks": [_points(points) for points in display.landmarks] if lines else [],
    }


def _points(points: NDArray[Any]) -> list[list[float]]:
    """Corners of pixels are at whole numbers in a browser, centres are here."""
    return [[round(float(x) + 0.5, 1), round(float(y) + 0.5, 1)] for x, y in points]
