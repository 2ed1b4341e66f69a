"""A hundred damaged packs, manifests, configs, checkpoints and the like: each is used, refused in a line, or a row.

``python benchmarks/fuzz_files.py`` does the same with thousands, in processes whose time and memory it watches.
"""

import warnings

import mutated_files
import numpy as np
import pytest

from maskaug.core.errors import MaskaugError

EACH, SEED = 6, 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("whole") / "files"
    mutated_files.make(place)
    return place


@pytest.mark.slow
def test_none_raises_anything_else(folder):
    refused = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, on values that no file has
        for number, (name, kind) in enumerate(mutated_files.kinds(mutated_files.Reader()).items()):
            path = folder / kind.file
            whole = path.read_bytes()
            kind.read(folder)  # as it is, it is used
            for turn in range(EACH):
                rng = np.random.default_rng([SEED, number, turn])
                path.write_bytes(mutated_files.mutated_file(whole, kind.how, rng))
                try:
                    kind.read(folder)
                except MaskaugError as error:
                    assert len(str(error).splitlines()) == 1, name
                    refused.add(name)
                except mutated_files.RowError:
                    pass
                finally:
                    path.write_bytes(whole)
    assert len(refused) >= 14, "most kinds can be damaged so that it shows"


def test_the_files_are_the_same_each_time():
    whole = b'{"a": [1, 2, {"b": "c"}], "d": null}'
    made = [mutated_files.mutated_file(whole, "json", np.random.default_rng([1, number])) for number in range(40)]
    assert made == [
        mutated_files.mutated_file(whole, "json", np.random.default_rng([1, number])) for number in range(40)
    ]
    assert len(set(made)) > 30
