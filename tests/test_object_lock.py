"""A lock at an address: who writes it anew has it; who does not loses it, and notices."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from maskaug.core.files import LockedError, locked, object_lock, read_bytes, to_path, write_bytes
from maskaug.core.files.addresses import create_bytes, is_object, remove_objects

pytest.importorskip("upath", reason="needs the extra cloud")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(object_lock, "RENEWED", 0.05)
    monkeypatch.setattr(object_lock, "DEAD", 0.4)


@pytest.fixture
def path(tmp_path):
    found = to_path(f"memory://locks/{tmp_path.name}")
    yield found
    remove_objects([found])


def held(path):
    return locked(path, "destination s3://out is being written")


def test_it_is_there_for_as_long_as_it_is_held_and_says_by_whom(path):
    with held(path) as check:
        there = json.loads(read_bytes(path))
        assert {"pid", "host", "time"} <= there.keys()
        check()
        time.sleep(0.2)
        assert json.loads(read_bytes(path))["written"] > there["written"]
    assert not is_object(path)


def test_another_is_refused_while_its_holder_lives(path):
    with held(path) as check:
        said = r"destination s3://out is being written, by process \d+ on .+; wait until it ends, or stop it"
        with pytest.raises(LockedError, match=said), held(path):
            pass
        check()
    with held(path):
        pass


@pytest.mark.parametrize("left", [b'{"pid": 7, "host": "gone", "token": "a"}', b"torn", b"[]"])
def test_a_dead_one_is_taken_over_and_not_before_it_is_known_to_be_dead(path, left):
    write_bytes(path, left)
    began = time.monotonic()
    with held(path) as check:
        assert time.monotonic() - began >= object_lock.DEAD
        check()
    assert not is_object(path)


def ended_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="processes cannot be told apart here")
@pytest.mark.parametrize(
    ("changed", "at_once"),
    [({}, True), ({"pid": os.getppid()}, False), ({"host": "elsewhere"}, False), ({"processes": "others"}, False)],
)
def test_a_process_of_this_machine_that_has_ended_is_not_waited_for(path, monkeypatch, changed, at_once):
    monkeypatch.setattr(object_lock, "RENEWED", 100.0)
    with held(path):
        left = json.loads(read_bytes(path))
    write_bytes(path, json.dumps({**left, "pid": ended_process(), "token": "theirs", **changed}).encode())
    began = time.monotonic()
    with held(path) as check:
        assert (time.monotonic() - began < object_lock.DEAD) == at_once
        check()
    assert not is_object(path)


def test_whoever_lost_it_is_told_and_leaves_the_other_one_alone(path):
    theirs = b'{"pid": 7, "host": "elsewhere", "token": "b"}'
    with held(path) as check:
        write_bytes(path, theirs)
        time.sleep(4 * object_lock.RENEWED)
        with pytest.raises(LockedError, match="by process 7 on elsewhere, which has taken over from this run"):
            check()
    assert read_bytes(path) == theirs


def test_of_two_that_come_at_one_moment_one_has_it(path):
    together, had = threading.Barrier(6), []

    def come():
        together.wait()
        try:
            with held(path) as check:
                time.sleep(0.3)
                check()
                had.append(1)
        except LockedError:
            pass

    threads = [threading.Thread(target=come) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(had) == 1


def test_an_answer_that_was_lost_does_not_cost_the_lock(path, monkeypatch):
    monkeypatch.setattr(object_lock, "create_bytes", lambda *given: create_bytes(*given) and False)
    with held(path) as check:
        check()


def test_a_store_that_is_away_for_a_moment_takes_no_lock(path, monkeypatch):
    with held(path) as check:
        with monkeypatch.context() as patch:
            patch.setattr(object_lock, "read_bytes", lambda _: (_ for _ in ()).throw(OSError("away")))
            time.sleep(3 * object_lock.RENEWED)
        check()
        time.sleep(3 * object_lock.RENEWED)
        check()
