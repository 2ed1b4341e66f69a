"""The journal at an address: segments, of which a kill loses the last one at most."""

from contextlib import closing

import pytest

from maskaug.augment.generate import journal as journals
from maskaug.augment.generate.journal import has_journal, open_journal, remove_journal
from maskaug.core.files import LockedError, find_objects, read_bytes, to_path, write_bytes
from maskaug.core.manifest import Row

pytest.importorskip("upath", reason="needs the extra cloud")


@pytest.fixture
def place(tmp_path):
    found = to_path(f"memory://journals/{tmp_path.name}/.journal")
    yield found
    remove_journal(found)


def rows(number):
    return [Row(status="original", source=f"{number}.jpg", output=f"train/{number}.jpg")]


def fill(journal, numbers):
    for number in numbers:
        journal.append(f"{number}.jpg", 0, rows(number), f"stamp {number}")


def test_rows_are_stored_together_and_found_again(place):
    assert not has_journal(place)
    journal = open_journal(place)
    fill(journal, range(3))
    assert not has_journal(place), "they wait for others"
    assert list(journal.rows()) == [row for number in range(3) for row in rows(number)]
    journal.close()
    journal = open_journal(place)
    fill(journal, range(3, 5))
    journal.close()
    assert [one.name[:7] for one in find_objects(place)] == ["000001-", "000002-"]
    journal = open_journal(place)
    assert journal.sources() == [f"{number}.jpg" for number in range(5)]
    assert list(journal.rows()) == [row for number in range(5) for row in rows(number)]
    assert journal.stamp("3.jpg") == "stamp 3"
    journal.close()
    assert len(list(find_objects(place))) == 2, "nothing new, no segment"
    remove_journal(place)
    assert not has_journal(place)


@pytest.mark.parametrize(("name", "value"), [("SEGMENT_BYTES", 300), ("SEGMENT_SECONDS", 0)])
def test_what_a_kill_loses_is_what_came_since_the_last_segment(place, monkeypatch, name, value):
    monkeypatch.setattr(journals, name, value)
    killed = open_journal(place)
    fill(killed, range(7))
    with closing(open_journal(place)) as journal:
        kept = journal.sources()
    assert kept == [f"{number}.jpg" for number in range(len(kept))]
    assert len(kept) == (7 if name == "SEGMENT_SECONDS" else 6)
    killed.close()


def test_damaged_lines_cost_their_sources_alone(place):
    journal = open_journal(place)
    fill(journal, range(3))
    journal.close()
    (name,) = (one.name for one in find_objects(place))
    lines = read_bytes(place / name).splitlines(keepends=True)
    write_bytes(place / name, lines[0] + b"{torn\n" + lines[2])
    journal = open_journal(place)
    assert journal.sources() == ["0.jpg", "2.jpg"]
    journal.close()


def test_who_has_lost_the_lock_stores_nothing(place):
    def lost():
        raise LockedError("taken over")

    journal = open_journal(place, lost)
    fill(journal, range(3))
    with pytest.raises(LockedError):
        journal.close()
    assert not has_journal(place)
    with pytest.raises(ValueError, match="closed file"):
        journal.append("4.jpg", 0, rows(4))
