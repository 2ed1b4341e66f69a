"""Some hundred damaged and odd pictures: each is read or refused for a reason, and none stops a run.

``python benchmarks/fuzz.py`` does the same with thousands.
"""

import shutil
from collections import Counter

import mutated
import numpy as np
import pytest

from maskaug.augment import GenerateOptions, generate, read_manifest
from maskaug.core.pictures import PictureError, read_picture

FILES, THROUGH_ALL = 400, 24
REASONS = {"empty_file", "not_a_picture", "truncated", "unreadable", "too_many_pixels", "too_small"}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    for number in range(FILES):
        name, data = mutated.mutated(7, number)
        (folder / name).write_bytes(data)
    return folder


def test_each_file_is_read_or_refused_for_a_reason_and_no_library_speaks(damaged, capfd):
    outcomes = Counter()
    for path in sorted(damaged.iterdir()):
        try:
            picture = read_picture(path)
        except PictureError as error:
            assert error.reason in REASONS, path.name
            assert len(str(error).splitlines()) == 1
            outcomes[error.reason] += 1
        else:
            assert picture.pixels.dtype == np.uint8
            assert picture.pixels.ndim == 3
            assert picture.pixels.flags.c_contiguous
            outcomes["read"] += 1
    assert capfd.readouterr() == ("", "")
    assert min(outcomes[reason] for reason in ("read", "not_a_picture", "truncated", "unreadable", "too_small")) >= 10


def test_the_files_are_of_all_formats_and_the_same_each_time():
    made = [mutated.mutated(7, number) for number in range(60)]
    assert made == [mutated.mutated(7, number) for number in range(60)]
    assert {name.partition("_")[2].partition(".")[0] for name, _ in made} == set(mutated.FORMATS)
    assert len({data for _, data in made}) > 55


@pytest.mark.slow
def test_none_stops_a_run(damaged, tmp_path, capfd):
    faces = tmp_path / "faces"
    faces.mkdir()
    for path in sorted(damaged.iterdir())[:THROUGH_ALL]:
        shutil.copy(path, faces)
    summary = generate(GenerateOptions(src=faces, dst=tmp_path / "out", copies=1, workers=1))
    assert capfd.readouterr() == ("", "")
    assert summary.failed == {}
    assert {row["source"] for row in read_manifest(tmp_path / "out")} == {path.name for path in faces.iterdir()}
    assert summary.masked
    assert len(summary.refused) >= 3
