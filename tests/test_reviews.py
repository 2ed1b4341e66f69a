import os
import subprocess
import sys
from datetime import datetime, timezone

import pytest
from generated import digest, review

from maskaug.augment import LockedError
from maskaug.augment.reviews.log import Event, ReviewError, ReviewLog, read_reviews, verdicts

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def event(name, action="accept", **more):
    return Event(output_sha256=digest(name), action=action, time=NOW, **more)


def test_what_is_appended_is_read_again(tmp_path):
    log = ReviewLog(tmp_path, "anna")
    events = [event("a"), event("b", "reject", reason="floating", looked_ms=7), event("c", "flag", control=True)]
    log.append(*events[:2])
    log.append(events[2])
    assert log.events == events
    log.close()
    assert read_reviews(tmp_path) == {"anna": events}
    again = ReviewLog(tmp_path, "anna")
    assert again.events == events
    again.close()


def test_undo_takes_back_the_latest_event_of_its_picture():
    events = [event("a"), event("a", "flag"), event("a", "reject"), event("b"), event("a", "undo")]
    standing = verdicts(events)[digest("a")]
    assert (standing.decided.action, standing.flagged) == ("accept", True)
    more = verdicts([*events, event("a", "undo"), event("a", "undo"), event("a", "undo")])
    assert (more[digest("a")].decided, more[digest("a")].flagged) == (None, False)
    assert more[digest("b")].decided.action == "accept"


def test_a_torn_last_line_is_set_aside(tmp_path):
    review(tmp_path, "anna", {digest("a"): "accept", digest("b"): "accept"})
    path = tmp_path / "reviews" / "anna.jsonl"
    whole = path.read_bytes()
    for number, cut in enumerate((1, 40), start=1):
        path.write_bytes(whole[:-cut])
        assert len(read_reviews(tmp_path)["anna"]) == 1
        log = ReviewLog(tmp_path, "anna")
        assert [found.output_sha256 for found in log.events] == [digest("a")]
        assert log.torn.name == f"anna.jsonl.torn{number}"
        assert path.read_bytes() + log.torn.read_bytes() == whole[:-cut]
        log.append(event("b"))
        log.close()
        assert len(read_reviews(tmp_path)["anna"]) == 2


def test_a_damaged_line_is_named(tmp_path):
    review(tmp_path, "anna", {digest("a"): "accept", digest("b"): "accept"})
    path = tmp_path / "reviews" / "anna.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    for bad in (b"{}\n", first.replace(b"accept", b"admire"), b"\x00\xff\n"):
        path.write_bytes(bad + second)
        for read in (lambda: read_reviews(tmp_path), lambda: ReviewLog(tmp_path, "anna")):
            with pytest.raises(ReviewError, match=r"anna\.jsonl, line 1 is damaged"):
                read()


def test_two_windows_of_one_annotator(tmp_path):
    log = ReviewLog(tmp_path, "anna")
    told = rf"is being reviewed as anna, by process {os.getpid()} on .*; close that, or name another annotator"
    with pytest.raises(LockedError, match=told):
        ReviewLog(tmp_path, "anna")
    ReviewLog(tmp_path, "bert").close()
    log.close()
    ReviewLog(tmp_path, "anna").close()


def test_a_full_disk_leaves_whole_lines(tmp_path):
    """The limit on the size of files is reached in the middle of a line; a decision that was not kept is not kept."""
    program = f"""
import resource, signal
from datetime import datetime, timezone
from pathlib import Path
from maskaug.augment import LockedError
from maskaug.augment.reviews.log import Event, ReviewError, ReviewLog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def event(letter):
    return Event(output_sha256=letter * 64, action="accept", time=datetime(2026, 1, 1, tzinfo=timezone.utc))
log = ReviewLog(Path({str(tmp_path)!r}), "anna")
log.append(event("a"))
size = log.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, resource.RLIM_INFINITY))
try:
    log.append(event("b"), event("c"))
except ReviewError as error:
    print(error)
assert log.path.stat().st_size == size and len(log.events) == 1
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append(event("d"))
log.close()
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "the last decision is not kept" in done.stdout
    kept = [found.output_sha256[0] for found in read_reviews(tmp_path)["anna"]]
    assert kept == ["a", "d"]
