"""Killed without warning at any moment: what was acknowledged is kept, and nothing is kept twice."""

import random
import subprocess
import sys
import time
from collections import Counter

import pytest
from generated import Generated

from maskaug.augment.reviews import read_reviews

KILLS = 50
# Decides on one picture after another, and says so once each decision is acknowledged.
ANNOTATOR = """
import sys
from pathlib import Path
from maskaug.augment.reviews import ReviewLog
from maskaug.review_ui import ReviewOptions, Session, read_queue
from maskaug.review_ui.session import ACCEPT, Decision

dst = Path(sys.argv[1])
log = ReviewLog(dst, "anna")
queue = read_queue(ReviewOptions(dst=dst, annotator="anna"), log.events)
session = Session(queue, log, None)
print("ready", flush=True)
while not session.finished:
    sha256 = session.picture.sha256
    session.decide(ACCEPT if int(sha256[0], 16) % 2 else Decision("reject", "floating"))
    print(sha256, flush=True)
"""


@pytest.fixture(scope="module")
def dst(tmp_path_factory):
    made = Generated(tmp_path_factory.mktemp("set") / "dst")
    for number in range(20_000):
        made.rows.append(_row(number))
    return made.finish()


def _row(number):
    sha256 = f"{number * 2654435761 % 2**256:064x}"
    return {
        **{"status": "masked", "source": f"{number}.png", "source_sha256": sha256, "copy": 0, "seed": 1},
        **{"output": f"train/wearing_mask/{number}.jpg", "output_sha256": sha256, "width": 32, "height": 32},
        **{"split": "train", "label": "wearing_mask", "subfolder": ""},
        **{"kind": "n95", "template": "n95_white", "quality": number / 20_000},
    }


def test_killed_at_50_moments_no_decision_is_lost_or_doubled(dst, tmp_path):
    rng = random.Random(0)
    acknowledged = []
    for _ in range(KILLS):
        command = [sys.executable, "-c", ANNOTATOR, str(dst)]
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        said, _ = process.communicate()
        acknowledged += [line for line in said.splitlines() if len(line) == 64]  # the last may be cut
    kept = Counter(event.output_sha256 for event in read_reviews(dst)["anna"])
    assert len(acknowledged) > KILLS
    assert set(acknowledged) <= set(kept), "an acknowledged decision was lost"
    assert max(kept.values()) == 1, "a decision was kept twice"
    assert len(kept) <= len(acknowledged) + KILLS, "at most one a kill was kept and not yet acknowledged"
