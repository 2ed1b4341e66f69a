"""One process at a time writes to a folder; one that died holds nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from generated import Generated, texture
from training import TINY, balanced

from maskaug.core.files import LockedError, locked, locks

HOLDER = """
import os, sys, time
from pathlib import Path
from maskaug.core.files import locked
with locked(Path(sys.argv[1]), "it is being written"):
    if sys.argv[2] == "fork" and not os.fork():
        time.sleep(60)
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder():
    """Another process that holds a lock."""
    started = []

    def hold(path, how="alone"):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path), how], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield hold
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def refused(path):
    with pytest.raises(LockedError) as error, locked(path, "it is being written"):
        pass
    return str(error.value)


@pytest.mark.parametrize("how", ["alone", "fork"])
def test_a_dead_process_holds_nothing(tmp_path, holder, how):
    """Not even through a child that outlives it."""
    path = tmp_path / ".lock"
    process = holder(path, how)
    told = refused(path)
    assert re.fullmatch(rf"it is being written, by process {process.pid} on \S+; wait until it ends, or stop it", told)
    process.kill()
    process.wait()
    assert json.loads(path.read_text())["pid"] == process.pid, "what it leaves keeps nobody out"
    deadline = time.monotonic() + 20
    while how == "fork" and time.monotonic() < deadline:  # its child lets go as soon as it gets to run
        with suppress(LockedError), locked(path, "it is being written"):
            break
        time.sleep(0.05)
    with locked(path, "it is being written"):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_one_process_does_not_hold_it_twice(tmp_path):
    path = tmp_path / ".lock"
    with locked(path, "it is being written"):
        assert f"process {os.getpid()}" in refused(path)
    with locked(path, "it is being written"):
        pass


def test_a_lock_that_is_removed_as_it_is_taken_is_taken_anew(tmp_path, monkeypatch):
    path, lock, tries = tmp_path / ".lock", locks._lock, []

    def removed(file):
        tries.append(1)
        if len(tries) == 1:
            path.unlink()
        return lock(file)

    monkeypatch.setattr(locks, "_lock", removed)
    with locked(path, "it is being written"):
        assert path.exists()
    assert len(tries) == 2


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs a folder that even root cannot write to")
def test_where_nothing_can_be_written_nobody_is_kept_out():
    with locked(Path("/sys/kernel/.lock"), "it is being written"):
        assert not Path("/sys/kernel/.lock").exists()


@pytest.mark.slow
def test_every_command_that_writes_a_folder_refuses_a_second_one(tmp_path, holder, maskaug, faces_folder):
    made = Generated(tmp_path / "set")
    for number in range(2):
        made.original("train", f"f{number}", texture(number))
        made.mask("train", f"f{number}", 0)
    made.finish()
    balanced(tmp_path / "data", train=2, val=2)
    for name in ("out", "run", "set/reviews"):
        (tmp_path / name).mkdir()
    for lock, arguments in (
        ("out/.lock", ("generate", faces_folder, "out", "--workers", 1)),
        (".final.lock", ("curate", "set", "final")),
        ("set/reviews/.anna.lock", ("review", "set", "--serve", "--annotator", "anna")),
        ("run/.lock", ("train", "data", "--out", "run", *TINY, "--arch", "mobilenet_v3_small")),
    ):
        process = holder(tmp_path / lock)
        done = maskaug(*arguments)
        assert done.returncode == 1, arguments
        assert f"by process {process.pid} on " in done.stderr.splitlines()[-1]
        process.kill()
        process.wait()
        assert {path.name for path in (tmp_path / Path(lock).parent).iterdir()} >= {Path(lock).name}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".lock"]
    assert maskaug("generate", faces_folder, "out", "--workers", 1).returncode == 0, "a dead one's file is in no way"
