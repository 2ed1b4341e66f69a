"""kill -9 at random moments: what was acknowledged is kept, and nothing is there twice."""

import json
import random
import re
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from generated import MASKED, Generated, digest, texture

from maskaug.augment.reviews.log import read_reviews
from maskaug.core.manifest import Row

ROUNDS = 50

pytestmark = pytest.mark.slow


@pytest.fixture
def many(tmp_path):
    """A manifest of 8000 masked pictures; the pictures are not needed."""
    made = Generated(tmp_path / "dst")
    for number in range(8_000):
        row = Row(status="masked", output=f"train/{MASKED}/{number}.jpg", output_sha256=digest(number), quality=0.5)
        made.rows.append(row | {"split": "train", "kind": "n95", "source": "f.jpg", "source_sha256": digest("f")})
    return made.finish()


def test_killed_at_50_random_moments(many, tmp_path):
    decider = Path(__file__).with_name("decider.py")
    command = [sys.executable, str(decider), str(many), str(ROUNDS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    acknowledged = [tuple(line.split()) for line in done.stdout.splitlines()]
    assert len(acknowledged) > 10 * ROUNDS
    kept = [(event.output_sha256, event.action) for event in read_reviews(many)["anna"]]
    assert not set(acknowledged) - set(kept)
    assert max(Counter(sha256 for sha256, _ in kept).values()) == 1
    # In each round, the last act may be on disk without having been acknowledged.
    assert len(kept) - len(acknowledged) <= 5 * ROUNDS


def test_the_page_killed_while_it_is_used(tmp_path):
    made = Generated(tmp_path / "dst")
    for number in range(150):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0, quality=0.5)
    dst = made.finish()
    rng = random.Random(1)
    acknowledged = 0
    command = [sys.executable, "-m", "maskaug", "review", str(dst), "--annotator", "anna", "--serve"]
    for _ in range(4):
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        address = re.match("open (.*)", process.stdout.readline()).group(1)
        death = time.monotonic() + rng.uniform(0.3, 0.8)
        with urllib.request.urlopen(address + "view") as answer:
            view = json.load(answer)
        assert view["counts"]["accepted"] >= acknowledged
        while time.monotonic() < death and view["mode"] != "end":
            scene = {"scene": view["scene"]}
            try:
                with urllib.request.urlopen(address + "shown", data=json.dumps(scene).encode()):
                    pass
                with urllib.request.urlopen(address + "do", data=json.dumps({**scene, "key": "a"}).encode()) as answer:
                    view = json.load(answer)
            except urllib.error.HTTPError as error:  # the picture is being read
                assert error.code == 409
                error.close()
        acknowledged = view["counts"]["accepted"]
        process.kill()
        process.communicate()
        kept = [event.output_sha256 for event in read_reviews(dst)["anna"]]
        assert len(kept) == len(set(kept)) >= acknowledged > 0
