"""The rate of ``maskaug generate`` to an object store over that to a disk.

python benchmarks/object_store.py [--faces 100] [--workers 2] [--rounds 3] [--json PATH]

Made-up faces lie in a folder and in a bucket; each round makes the set from folder to folder and from bucket to bucket,
in turns. The store is moto's S3 server, a process of its own on this machine: it is there to be right, not fast, and
needs most of a core while it answers. So its own rate is measured too: the same requests, one picture read and two
written a face, by eight threads that do nothing else; and the processor time of the runs themselves, without the
server's. What a run to a real store takes beside that are its requests' delays, which more ``--workers`` hide.
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
from unittest.mock import patch

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
    environment = {
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
        with patch.dict(os.environ, environment):
            fsspec.filesystem("s3").mkdir(BUCKET)
            yield
        fsspec.filesystem("s3").clear_instance_cache()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def measured(options: GenerateOptions) -> tuple[float, float]:
    """Faces a second of a run, and processor seconds a face of it and the processes that it started."""
    began, before = time.monotonic(), os.times()
    faces = generate(options).with_face
    after = os.times()
    return faces / (time.monotonic() - began), (sum(after[:4]) - sum(before[:4])) / faces


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
    with tempfile.TemporaryDirectory() as temporary, served():
        folder, bucket = Path(temporary), to_path(f"s3://{BUCKET}")
        astronaut.write_faces(folder / "faces", {"train": arguments.faces})
        pictures = sorted((folder / "faces").rglob("*.jpg"))
        for path in pictures:
            write_bytes(bucket / path.relative_to(folder).as_posix(), path.read_bytes())
        runs: dict[str, list[tuple[float, float]]] = {"disk": [], "store": []}
        for number in range(arguments.rounds):
            for name, place in (("disk", folder), ("store", bucket)):
                options = {"src": place / "faces", "dst": place / f"out{number}", "workers": arguments.workers}
                runs[name].append(measured(GenerateOptions(**options)))
        alone = requests_alone([path.read_bytes() for path in pictures])
    (disk, disk_cpu), (store, store_cpu) = (map(median, zip(*runs[name], strict=True)) for name in runs)
    told = {
        "faces": arguments.faces,
        "workers": arguments.workers,
        "disk, faces a second": round(disk, 1),
        "store, faces a second": round(store, 1),
        "store over disk": round(store / disk, 2),
        "disk, processor milliseconds a face": round(1000 * disk_cpu),
        "store, processor milliseconds a face": round(1000 * store_cpu),
        "the store's requests alone, faces a second": round(alone, 1),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    for what, value in told.items():
        print(f"{what}: {value}")


if __name__ == "__main__":
    main()
