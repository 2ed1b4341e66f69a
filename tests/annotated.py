"""Small annotated sets for the tests: the same boxes as a table, as VOC, as YOLO and as COCO."""

import csv
import json
from pathlib import Path
from xml.sax.saxutils import escape

import astronaut
import numpy as np

from maskaug.core.pictures import encode_picture

# The astronaut's face as a person would draw it in `astronaut.portrait()`: left, top, right, bottom.
FACE = (172.0, 62.0, 272.0, 190.0)
BARE, WORN, WRONG = "without_mask", "with_mask", "mask_weared_incorrect"
CLASSES = [BARE, WORN, WRONG]


def two_faces():
    """A scene of two faces, the second half as large, (512, 800, 3) uint8, and their boxes."""
    scene = np.full((512, 800, 3), 120, dtype=np.uint8)
    scene[:, :512] = astronaut.portrait()
    scene[128:384, 530:786] = astronaut.portrait()[::2, ::2]
    small = tuple(side / 2 + offset for side, offset in zip(FACE, (530, 128, 530, 128), strict=True))
    return scene, [FACE, small]


def write_picture(path: Path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_picture(pixels, "png"))


def write_table(path: Path, boxes):
    """``boxes``: name -> (size, [(class, left, top, right, bottom)])."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "class", "left", "top", "right", "bottom"])
        for name, (_, marked) in boxes.items():
            writer.writerows([name, *one] for one in marked or [[""] * 5])
    return path


def voc(name, size, marked):
    objects = "".join(
        f"<object><name>{escape(label)}</name><bndbox><xmin>{left!r}</xmin><ymin>{top!r}</ymin>"
        f"<xmax>{right!r}</xmax><ymax>{bottom!r}</ymax></bndbox></object>"
        for label, left, top, right, bottom in marked
    )
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>" if size else ""
    return f"<annotation><filename>{escape(name)}</filename>{sides}{objects}</annotation>"


def write_voc(folder: Path, boxes):
    folder.mkdir(parents=True, exist_ok=True)
    for name, (size, marked) in boxes.items():
        (folder / f"{Path(name).stem}.xml").write_text(voc(name, size, marked), encoding="utf-8")
    return folder


def yolo(size, marked, classes=CLASSES):
    lines = []
    for label, left, top, right, bottom in marked:
        shares = [(left + right) / 2 / size[0], (top + bottom) / 2 / size[1]]
        shares += [(right - left) / size[0], (bottom - top) / size[1]]
        lines.append(" ".join([str(classes.index(label)), *map(repr, shares)]) + "\n")
    return "".join(lines)


def write_yolo(folder: Path, boxes):
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    for name, (size, marked) in boxes.items():
        (folder / "labels" / f"{Path(name).stem}.txt").write_text(yolo(size, marked))
    (folder / "data.yaml").write_text(f"train: images\nnc: {len(CLASSES)}\nnames: {CLASSES}\n")
    return folder


def coco(boxes):
    content = {"images": [], "annotations": [], "categories": [{"id": n, "name": c} for n, c in enumerate(CLASSES, 1)]}
    for number, (name, (size, marked)) in enumerate(boxes.items()):
        image = {"id": number, "file_name": name}
        content["images"].append(image | ({"width": size[0], "height": size[1]} if size else {}))
        for label, left, top, right, bottom in marked:
            bbox = [left, top, right - left, bottom - top]
            entry = {"id": len(content["annotations"]), "image_id": number, "category_id": CLASSES.index(label) + 1}
            content["annotations"].append(entry | {"bbox": bbox})
    return content


def write_coco(path: Path, boxes):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(coco(boxes)))
    return path


def write_all(folder: Path, boxes):
    """All four, by the name of the format."""
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "table": write_table(folder / "boxes.csv", boxes),
        "voc": write_voc(folder / "voc", boxes),
        "yolo": write_yolo(folder / "yolo", boxes),
        "coco": write_coco(folder / "coco.json", boxes),
    }
