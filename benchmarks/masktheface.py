"""Overlays of MaskTheFace as arrays: its functions run in a process of their own, from a checkout of the user's."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from maskaug.core.arrays import Image
from maskaug.masktheface_wrapper.detect.models import LANDMARK_MODEL, bundled_model

# Its names of our kinds; those of one kind take turns. They keep their own colours, as with its option --code.
TYPES = {
    "n95": ("N95",),
    "kn95": ("KN95",),
    "surgical": ("surgical_blue", "surgical", "surgical_green"),
    "cloth": ("cloth",),
}
# Those of white or grey cloth.
NEUTRAL = {"N95", "KN95", "surgical"}

_DRIVER = """
import json, sys, types
import numpy as np
peer, jobs, model = sys.argv[1:]
sys.path.insert(0, peer)
import dlib
from utils.aux_functions import mask_image
options = dict(detector=dlib.get_frontal_face_detector(), predictor=dlib.shape_predictor(model))
for job in json.load(open(jobs)):
    args = types.SimpleNamespace(mask_type=job["type"], color="", pattern="", code="", verbose=False, **options)
    try:
        pictures, _, masks, _ = mask_image(job["picture"], args)
    except Exception as error:
        print(job["picture"], repr(error), file=sys.stderr)
        continue
    if pictures:
        np.savez(job["out"], image=pictures[-1][:, :, ::-1], masks=np.stack(masks))
"""


def mask_with_peer(
    peer: Path, pictures: Sequence[tuple[Image, str]], folder: Path
) -> Iterator[tuple[Image, NDArray[np.uint8]] | None]:
    """Mask the faces MaskTheFace finds.

    Args:
        peer: A checkout of it; what it needs (tqdm, dotmap, requests) must be importable.
        pictures: ``(H, W, 3) uint8`` RGB pictures, each with the mask type to put on.
        folder: An empty folder to work in.

    Yields:
        For each picture, the masked one and the alpha of each mask on it, ``(N, H, W) uint8``; None where it finds no
        face or fails.
    """
    jobs = []
    for number, (picture, mask_type) in enumerate(pictures):
        path = folder / f"{number:05d}.png"
        cv2.imwrite(str(path), picture[:, :, ::-1])
        jobs.append({"picture": str(path), "type": mask_type, "out": str(path.with_suffix(".npz"))})
    driver, list_of_jobs = folder / "driver.py", folder / "jobs.json"
    driver.write_text(_DRIVER)
    list_of_jobs.write_text(json.dumps(jobs))
    command = [sys.executable, str(driver), str(peer.resolve()), str(list_of_jobs), str(bundled_model(LANDMARK_MODEL))]
    done = subprocess.run(command, cwd=peer, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"MaskTheFace in {peer} does not run: {done.stderr.strip()[-500:]}")
    for job in jobs:
        if not Path(job["out"]).exists():
            yield None
            continue
        with np.load(job["out"]) as saved:
            yield np.ascontiguousarray(saved["image"]), saved["masks"]
