"""Near-duplicates among very many pictures: seconds, memory, and the share of planted copies that are found.

python benchmarks/near_duplicates.py FACES [--count 1000000] [--copies 0.02] [--against-all] [--json PATH]
python benchmarks/near_duplicates.py FACES --as-they-are --against-all

FACES is a folder of face pictures. Fingerprints of COUNT pictures are made up: small grey pictures drawn from the
normal distribution that has the mean and the principal components of FACES, so that they are as alike as faces are. A
share of them are changed copies of others: shifted, relit, mirrored, with noise. Only copies that the pair check
confirms count, as comparing all pairs would find just these. With --against-all, that is done, too: how many of its
pairs are found; it takes time that grows with the square of COUNT. With --as-they-are, the pictures of FACES are taken
instead of made-up ones, and searched as very many would be.
"""

import argparse
import json
import math
import os
import resource
import time
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from maskaug.augment.curate import duplicates
from maskaug.augment.curate.duplicates import Fingerprint, Fingerprints, connected, fingerprint, near_duplicates
from maskaug.core.files import PICTURE_SUFFIXES
from maskaug.core.pictures import read_picture

_COMPONENTS = 400
_TILE = 5000


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--copies", type=float, default=0.02)
    parser.add_argument("--against-all", action="store_true")
    parser.add_argument("--as-they-are", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    prints, planted = _as_they_are(options.faces) if options.as_they_are else _made_up(options)
    # Comparing all would find those that both checks confirm.
    bits, mirrored = prints.bits, prints.mirrored
    real = [pair for pair in planted if _confirmed(prints, bits, mirrored, pair)]
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun, cpu = time.perf_counter(), time.process_time()
    with mock.patch.object(duplicates, "ALL_PAIRS", 0):
        pairs = near_duplicates(prints)
    seconds, processor = time.perf_counter() - begun, time.process_time() - cpu
    groups = connected(len(prints), pairs)
    found = sum(int(groups[first] == groups[second]) for first, second in real)
    result = {
        "pictures": len(prints),
        "seconds": round(seconds, 1),
        "processor_seconds": round(processor, 1),
        "cores": os.cpu_count(),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peak_mb_before": round(made),
        "pairs": len(pairs),
        "copies": len(real),
        "copies_found": found,
        "recall": round(found / len(real), 5) if real else None,
    }
    if options.against_all:
        with mock.patch.object(duplicates, "ALL_PAIRS", len(prints)):
            every = {tuple(pair) for pair in near_duplicates(prints).tolist()}
        result["pairs_of_all"] = len(every)
        result["recall_of_all"] = round(len(every & {tuple(pair) for pair in pairs.tolist()}) / max(len(every), 1), 5)
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def _as_they_are(folder: Path) -> tuple[Fingerprints, list[tuple[int, int]]]:
    """The pictures of a folder; none is known to be a copy."""
    prints = Fingerprints()
    for path in _pictures(folder):
        prints.append(fingerprint(read_picture(path).pixels))
    return prints, []


def _made_up(options: argparse.Namespace) -> tuple[Fingerprints, list[tuple[int, int]]]:
    """So many pictures like those of a folder, and which of them are changed copies of which."""
    rng = np.random.default_rng(0)
    mean, axes = _distribution(options.faces)
    prints, planted = Fingerprints(), list[tuple[int, int]]()
    for start in range(0, options.count, _TILE):
        drawn = mean + rng.standard_normal((min(_TILE, options.count - start), len(axes))) @ axes
        small = drawn.clip(0, 255).astype(np.uint8).reshape(-1, 48, 48)
        for number in range(len(small)):
            if number and rng.random() < options.copies:
                original = int(rng.integers(number))
                small[number] = _changed(small[original], rng)
                planted.append((start + original, start + number))
        for one in _fingerprints(small):
            prints.append(one)
    return prints, planted


def _distribution(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``(2304,)`` and ``(400, 2304)``: mean, and principal components as long as their standard deviations."""
    small = np.stack([fingerprint(read_picture(path).pixels).small.ravel() for path in _pictures(folder)])
    small = small.astype(np.float64)
    mean = small.mean(axis=0)
    _, lengths, axes = np.linalg.svd(small - mean, full_matrices=False)
    count = min(_COMPONENTS, len(axes))
    return mean, axes[:count] * lengths[:count, None] / np.sqrt(len(small))


def _pictures(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in PICTURE_SUFFIXES]


def _changed(small: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    shift = np.array([[1, 0, rng.uniform(-1.5, 1.5)], [0, 1, rng.uniform(-1.5, 1.5)]])
    moved = cv2.warpAffine(small, shift, (48, 48), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    relit = moved * rng.uniform(0.75, 1.25) + rng.uniform(-15, 15) + rng.normal(0, 2, moved.shape)
    changed = relit.clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(changed[:, ::-1]) if rng.random() < 0.5 else changed


def _fingerprints(small: NDArray[np.uint8]) -> list[Fingerprint]:
    """What :func:`fingerprint` says of each of ``(N, 48, 48)`` grey pictures; one by one, a million takes hours."""
    hashes = [_hashes(small), _hashes(small[:, :, ::-1])]
    found = [Fingerprint(*parts) for parts in zip(small, *hashes, strict=True)]
    for one in found[::1000]:
        expected = fingerprint(cv2.cvtColor(one.small, cv2.COLOR_GRAY2RGB))
        if not all(map(np.array_equal, vars(one).values(), vars(expected).values())):
            raise RuntimeError("fingerprints are made otherwise now: mend this benchmark")
    return found


def _hashes(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    side = math.isqrt(8 * duplicates._HASH_BYTES)
    low = scipy.fft.dctn(small.astype(np.float64), axes=(1, 2))[:, :side, :side].reshape(len(small), -1)
    return np.packbits(low > np.median(low, axis=1, keepdims=True), axis=1)


def _confirmed(
    prints: Fingerprints, bits: NDArray[np.uint8], mirrored: NDArray[np.uint8], pair: tuple[int, int]
) -> bool:
    first, second = pair
    return any(
        int(np.bitwise_count(bits[first] ^ others[second]).sum()) <= duplicates.MAX_DISTANCE
        and duplicates._same(prints.small(first, first + 1)[0], prints.small(second, second + 1)[0], flipped)
        for flipped, others in ((False, bits), (True, mirrored))
    )


if __name__ == "__main__":
    main()
