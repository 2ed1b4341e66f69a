"""What the web page is told of a view."""

from typing import Any

from maskaug.core.arrays import Points
from maskaug.review_ui.session.session import Decision
from maskaug.review_ui.view.display import DisplayImage
from maskaug.review_ui.view.view import Cell, View
from maskaug.review_ui.view.words import SCORE_WORDS, pace_text, readable


def view_json(view: View) -> dict[str, Any]:
    """A view as JSON: pictures by their places in the queue, everything else as the page is to show it.

    It does not tell whether a picture is a control.

    The page gives the number of the scene back with each key that is pressed while it is on the screen.
    """
    counts = view.counts
    return {
        "scene": view.scene,
        "whole": view.whole,
        "mode": view.mode,
        "help": view.help,
        "cursor": view.cursor,
        "switches": sorted(view.switches),
        "hints": view.hints,
        "counts": {name: getattr(counts, name) for name in ("total", "accepted", "rejected", "left")},
        "pace": pace_text(counts),
        "place": view.place,
        "message": view.message,
        "tone": view.tone,
        "others": readable(view.others),
        "cells": [_cell(cell, view) for cell in view.cells],
    }


def _cell(cell: Cell, view: View) -> dict[str, Any]:
    display, picture = cell.display, cell.picture
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
        "ready": display is not None,
        "problem": display.problem if display else None,
    }
    if display is None or view.mode != "single":
        return record
    record["template"] = display.template
    record["pose"] = [round(angle) for angle in display.pose]
    record["reasons"] = [SCORE_WORDS.get(reason, readable(reason)) for reason in display.reasons]
    image = display.close if "zoom" in view.switches else display.whole
    if image is not None:
        record["image"] = _image(image, lines="lines" in view.switches)
    return record


def _mark(mark: Decision | None) -> str | None:
    return None if mark is None else readable(mark.reason) if mark.reason else "reject"


def _image(image: DisplayImage, *, lines: bool) -> dict[str, Any]:
    height, width = image.after.shape[:2]
    return {
        "width": width,
        "height": height,
        "before": image.before is not None,
        "outlines": [_points(points) for points in image.outlines] if lines else [],
        "landmarks": [_points(points) for points in image.landmarks] if lines else [],
    }


def _points(points: Points) -> list[list[float]]:
    """In a browser the corners of pixels are at whole numbers, here their centres are."""
    return [[round(float(x) + 0.5, 1), round(float(y) + 0.5, 1)] for x, y in points]
