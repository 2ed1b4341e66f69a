"""Commands that are killed, and what must hold afterwards: they go on, and end byte for byte as if nothing had been.

``python benchmarks/faults.py`` does it some hundred times, the tests a few.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import astronaut
import tiny_network
from generated import Generated, texture
from training import TINY, balanced

from maskaug.augment import VerifyOptions, verify
from maskaug.augment.reviews.log import read_reviews
from maskaug.core.files import file_sha256

MASKAUG = [sys.executable, str(Path(tiny_network.__file__))]  # with the tiny networks
WHO = ("worker", "parent", "group")
_PATIENCE = 600.0  # seconds that a command may take on a busy machine


class Lost(Exception):
    """Something was lost, or is not as it would have been; the message says what."""


def tree(folder: Path) -> dict[str, str | None]:
    """SHA-256 by path of all files below a folder."""
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


def run(arguments: list[str], place: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    environment = environment_of(place) | (env or {})
    command = [*MASKAUG, *arguments]
    return subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=_PATIENCE
    )


def environment_of(place: Path) -> dict[str, str]:
    """With a cache of its own, and one thread."""
    source = str(Path(__file__).resolve().parents[1] / "src")
    own = {"XDG_CACHE_HOME": str(place / "cache"), "OMP_NUM_THREADS": "1"}
    return {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", source), **own}


class Work(ABC):
    """A command under test, in a folder with all that it reads.

    Attributes:
        place: The folder.
        seconds: That the command takes undisturbed.
    """

    def __init__(self, place: Path) -> None:
        """Make the inputs, and what the command makes of them undisturbed."""
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        self.make()
        started = time.monotonic()
        self.must(self.begin(Path("whole")))
        self.seconds = time.monotonic() - started

    @abstractmethod
    def make(self) -> None:
        """Write what the command reads."""

    @abstractmethod
    def begin(self, out: Path) -> list[str]:
        """The command that writes ``out``."""

    @abstractmethod
    def go_on(self, out: Path) -> list[str]:
        """The command that goes on after a kill; empty where there is nothing left to do."""

    def same(self, out: Path) -> dict[str, str | None]:
        """What must be the same whatever has happened."""
        return tree(out)

    def must(self, arguments: list[str]) -> str:
        """Run a command that has to succeed; what it printed."""
        done = run(arguments, self.place)
        if done.returncode or "Traceback" in done.stderr:
            raise Lost(f"maskaug {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()[-600:]}")
        return done.stdout

    def start(self, out: Path) -> "subprocess.Popen[bytes]":
        """The command under way, with its children in a group of their own."""
        return subprocess.Popen(
            [*MASKAUG, *self.begin(out)],
            cwd=self.place,
            env=environment_of(self.place),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def finish(self, out: Path) -> None:
        """Go on, and see that nothing is lost.

        Raises:
            Lost: something is.
        """
        if command := self.go_on(out):
            self.must(command)
        self.whole(out)

    def whole(self, out: Path) -> None:
        """See that it is as the undisturbed one, and verified.

        Raises:
            Lost: it is not.
        """
        expected, found = self.same(self.place / "whole"), self.same(self.place / out)
        if expected != found:
            differ = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            raise Lost(f"{len(differ)} files are not as in an undisturbed run: {', '.join(differ[:5])}")
        if not (verified := verify(VerifyOptions(dst=self.place / out))).is_whole:
            raise Lost(f"verify: {verified.as_json()}")
        if left := [path.name for path in (self.place / out).parent.glob(f".{out.name}.*") if path.suffix != ".lock"]:
            raise Lost(f"left beside it: {left}")

    def killed(self, who: str, rng: random.Random, out: Path = Path("out")) -> None:
        """Kill one process or all at a random moment, and go on.

        Raises:
            Lost: something is.
        """
        remove(self.place / out)
        process = self.start(out)
        time.sleep(rng.uniform(0, self.seconds))
        kill(process, who, rng)
        if who == "worker":
            process.wait(_PATIENCE)  # it ends by itself
        self.finish(out)


def kill(process: "subprocess.Popen[bytes]", who: str, rng: random.Random) -> None:
    """``kill -9``."""
    if who == "group":
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    elif who == "parent":
        process.kill()
    elif children := children_of(process.pid):
        with suppress(ProcessLookupError):
            os.kill(rng.choice(children), signal.SIGKILL)
    if who != "worker":
        process.wait()


def children_of(pid: int) -> list[int]:
    """Processes that a process has started."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class Generate(Work):
    """`maskaug generate` on four pictures, by two processes."""

    def make(self) -> None:
        astronaut.write_faces(self.place / "faces", {"train": 3, "val": 1})

    def begin(self, out: Path) -> list[str]:
        return ["generate", str(self.place / "faces"), str(out), "--workers", "2", "--copies", "2", "--alpha"]

    def go_on(self, out: Path) -> list[str]:
        return [*self.begin(out), "--resume"]


class Curate(Work):
    """`maskaug curate` on some twenty pictures."""

    def make(self) -> None:
        made = Generated(self.place / "set")
        for number in range(12):
            made.original("train" if number % 3 else "val", f"f{number}", texture(number))
            made.mask("train" if number % 3 else "val", f"f{number}", 0)
        made.finish()

    def begin(self, out: Path) -> list[str]:
        return ["curate", str(self.place / "set"), str(out)]

    def go_on(self, out: Path) -> list[str]:
        """It is there whole, or not at all."""
        return [] if (self.place / out).exists() else self.begin(out)

    def same(self, out: Path) -> dict[str, str | None]:
        """But for the card, which has the set's name."""
        return {name: digest for name, digest in tree(out).items() if name != "README.md"}


class Train(Work):
    """`maskaug train` on tiny pictures, with the tiny network, three epochs."""

    _SAME = ("best.pt", "best.safetensors", "calibration.json", "margins.json", "predictions.parquet", "trained_on.txt")

    def make(self) -> None:
        balanced(self.place / "data", train=6, val=4)

    def begin(self, out: Path) -> list[str]:
        return ["train", str(self.place / "data"), "--out", str(out), *TINY, "--set", "epochs=3"]

    def go_on(self, out: Path) -> list[str]:
        begun = (self.place / out / "config.json").is_file()
        return ["train", "--resume", str(out)] if begun else self.begin(out)

    def same(self, out: Path) -> dict[str, str | None]:
        """But for what tells the time; and no temporary file is left."""
        known = {*self._SAME, "config.json", "metrics.csv", "last.pt", "report.html", "checksums.txt"}
        found = tree(out)
        return {name: digest for name, digest in found.items() if name in self._SAME or name not in known}


class Review:
    """`maskaug review --serve`: what was acknowledged is kept, once, whenever the page's process dies."""

    def __init__(self, place: Path, pictures: int = 60) -> None:
        """Make a set to decide on."""
        self.place = place
        made = Generated(place / "set")
        for number in range(pictures):
            made.original("train", f"f{number}", texture(number))
            made.mask("train", f"f{number}", 0, quality=0.5)
        made.finish()

    def killed(self, rng: random.Random) -> int:
        """Decide until a random moment; how many decisions were acknowledged in this life.

        Raises:
            Lost: one is not kept, or is there twice.
        """
        kept = len(self._kept())
        with self.served() as (process, address):
            acknowledged = kept + decide(address, rng.uniform(0.05, 0.5))
            process.kill()
            process.wait()
        after = self._kept()
        if len(after) < acknowledged:
            raise Lost(f"{acknowledged} decisions were acknowledged, {len(after)} are kept")
        if len(set(after)) != len(after):
            raise Lost("a decision is there twice")
        if len(after) > acknowledged + 1:
            raise Lost(f"{len(after) - acknowledged} decisions are kept that nobody has made")
        if not self._left():
            remove(self.place / "set" / "reviews")
        return acknowledged - kept

    def _kept(self) -> list[str]:
        return [event.output_sha256 for event in read_reviews(self.place / "set").get("anna", [])]

    def _left(self) -> bool:
        return len(self._kept()) < len(list((self.place / "set" / "train" / "wearing_mask").iterdir()))

    @contextmanager
    def served(self, folder: str = "set") -> Iterator[tuple["subprocess.Popen[str]", str]]:
        """The page's process, and its address."""
        command = [*MASKAUG, "review", folder, "--annotator", "anna", "--serve"]
        process = subprocess.Popen(
            command,
            cwd=self.place,
            env=environment_of(self.place),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not (found := re.match("open (.*)", line)):
                raise Lost(f"review does not begin: {process.communicate()[1][-600:]}")
            yield process, found.group(1)
        finally:
            process.kill()
            process.communicate()


def decide(address: str, seconds: float, most: int = 10_000) -> int:
    """Accept pictures for a while; how many decisions were acknowledged."""
    view = _asked(address + "view")
    before, death = view["counts"]["accepted"], time.monotonic() + seconds
    while time.monotonic() < death and view["mode"] != "end" and view["counts"]["accepted"] - before < most:
        scene = {"scene": view["scene"]}
        try:
            _asked(address + "shown", scene)
            view = _asked(address + "do", {**scene, "key": "a"})
        except urllib.error.HTTPError as error:  # the picture is being read
            with error:
                if error.code != 409:
                    raise
            time.sleep(0.01)
    return int(view["counts"]["accepted"] - before)


def _asked(address: str, body: dict[str, object] | None = None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(address, data=data, timeout=20) as answer:
        return json.load(answer)


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    """A file system, for a while."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", *arguments, str(folder)], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        with suppress(OSError):
            folder.rmdir()
