"""The rate of ``maskaug generate`` to an object store over that to a disk.

python benchmarks/object_store.py [--faces 100] [--workers 2] [--rounds 3] [--json PATH]

Made-up faces lie in a folder and in a bucket; each round makes the set from folder to folder and from bucket to bucket,
in turns. The store is moto's S3 server, a process of its own on this machine: it is there to be right, not fast, and
needs most of a core while it answers. So its own rate is measured too: the same requests, one picture read and two
written a face, by eight threads that do nothing else. What a run to a real store takes beside its processors' work are
these requests' delays, which more ``--workers`` hide.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
import astronaut

from maskaug.augment import GenerateOptions, generate
from maskaug.core.files import read_bytes, to_path, write_bytes

BUCKET = "benchmark"
_THREADS = 8


@contextmanager
def served() -> Iterator[None]:
    """An S3 server with an empty bucket, which all that reads the environment finds."""
    import fsspec  # noqa: PLC0415  of an extra

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.environ |= {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.2)
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def timed(options: GenerateOptions) -> float:
    """Faces a second of a run."""
    began = time.monotonic()
    summary = generate(options)
    return summary.with_face / (time.monotonic() - began)


def requests_alone(faces: list[bytes]) -> float:
    """Faces a second, where a face is one picture read and two written, and nothing is done with them."""
    place = to_path(f"s3://{BUCKET}/alone")
    for number, data in enumerate(faces):
        write_bytes(place / f"{number}.jpg", data)

    def move(number: int) -> None:
        data = read_bytes(place / f"{number}.jpg")
        for copy in range(2):
            write_bytes(place / f"{number}_{copy}.jpg", data)

    began = time.monotonic()
    with ThreadPoolExecutor(_THREADS) as threads:
        list(threads.map(move, range(len(faces))))
    return len(faces) / (time.monotonic() - began)


def main() -> None:
    """Measure, and print or write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, served():
        folder, bucket = Path(name), to_path(f"s3://{BUCKET}")
        astronaut.write_faces(folder / "faces", {"train": arguments.faces})
        pictures = sorted((folder / "faces").rglob("*.jpg"))
        for path in pictures:
            write_bytes(bucket / path.relative_to(folder).as_posix(), path.read_bytes())
        disk, store = list[float](), list[float]()
        for number in range(arguments.rounds):
            for rates, place in ((disk, folder), (store, bucket)):
                options = {"src": place / "faces", "dst": place / f"out{number}", "workers": arguments.workers}
                rates.append(timed(GenerateOptions(**options)))
        alone = requests_alone([path.read_bytes() for path in pictures])
    told = {
        "faces": arguments.faces,
        "workers": arguments.workers,
        "disk, faces a second": round(median(disk), 1),
        "store, faces a second": round(median(store), 1),
        "store over disk": round(median(store) / median(disk), 2),
        "the store's requests alone, faces a second": round(alone, 1),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    for what, value in told.items():
        print(f"{what}: {value}")


if __name__ == "__main__":
    main()
