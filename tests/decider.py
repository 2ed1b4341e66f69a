"""A child that decides as quickly as it can, and is killed at a random moment, again and again.

``python decider.py DST ROUNDS`` prints what was acknowledged, one decision a line.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from maskaug.augment.reviews.log import ReviewLog
from maskaug.review_ui import ReviewOptions
from maskaug.review_ui.session.queue import read_queue
from maskaug.review_ui.session.session import ACCEPT, Decision, Session

# Most lives are counted in acknowledgements, so that a busy machine makes as many decisions as an idle one. Each fifth
# is counted in seconds from birth, to hit the opening too: it takes some 0.05 on an idle machine.
LONGEST = 40  # acknowledged decisions
LATE = 0.005  # seconds from the last of them to the end, some ten decisions
OPENING = 0.1  # seconds


def decide(dst, pipe):
    options = ReviewOptions(dst=dst, annotator="anna")
    log = ReviewLog(dst, "anna")
    session = Session(read_queue(options, log.events), log)
    while not session.finished:
        sha256 = session.picture.sha256
        if int(sha256[0], 16) % 4 == 0:
            page = session.undecided(5)
            decisions = {place: Decision("reject", "floating") for place in page}
            shas = [session.queue.picture(place).sha256 for place in page]
            session.decide_page(decisions)
            said = "".join(f"{one} reject\n" for one in shas)
        else:
            session.decide(ACCEPT)
            said = f"{sha256} accept\n"
        os.write(pipe, said.encode())


def main():
    dst, rounds = Path(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(0)
    read_queue(ReviewOptions(dst=dst, annotator="anna"), [])  # its imports take longer than some children live
    for number in range(rounds):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            try:
                decide(dst, writing)
            finally:
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading) as said:
            if number % 5 == 0:
                time.sleep(rng.uniform(0, OPENING))
            else:
                for _ in range(rng.randint(1, LONGEST)):
                    sys.stdout.write(said.readline())
                time.sleep(rng.uniform(0, LATE))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            assert os.WIFSIGNALED(status), "the child exited by itself"
            sys.stdout.write(said.read())


if __name__ == "__main__":
    main()
