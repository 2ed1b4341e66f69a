"""Pictures and shards that lie on a hub are read where they lie."""

import astronaut
import pytest

from maskaug.augment import CurateOptions, GenerateOptions, curate, generate, read_manifest
from maskaug.augment.generate.scan import scan
from maskaug.core.files import to_path

pytest.importorskip("huggingface_hub", reason="needs the package of hf://")
hub_server = pytest.importorskip("hub_server", reason="needs werkzeug", exc_type=ImportError)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs, a generated set of them, and this in shards."""
    folder = tmp_path_factory.mktemp("hub")
    astronaut.write_faces(folder / "photos", {"train": 3, "val": 1})
    generate(GenerateOptions(src=folder / "photos", dst=folder / "set", workers=1))
    for to in ("webdataset", "parquet"):
        curate(CurateOptions(dst=folder / "set", out=folder / to, to=to, workers=1))
    return folder


@pytest.fixture(scope="module")
def address(folder):
    with hub_server.serving(folder) as served:
        yield served


@pytest.mark.slow
def test_a_run_from_a_hub_is_one_from_a_folder(folder, address, tmp_path):
    generate(GenerateOptions(src=f"{address}/photos", dst=tmp_path / "set", workers=1))
    assert list(read_manifest(tmp_path / "set")) == list(read_manifest(folder / "set"))


@pytest.mark.parametrize("shards", ["webdataset", "parquet"])
def test_shards_on_a_hub_are_sources(folder, address, shards):
    places = (to_path(f"{address}/{shards}"), folder / shards)
    there, here = (scan(place, "not_wearing_mask", "wearing_mask") for place in places)
    assert [one.relative for one in there.sources] == [one.relative for one in here.sources]
    assert len(there.sources) == 8


def test_what_a_hub_does_not_have_is_told(address, maskaug):
    assert "photo holds no picture" in maskaug("generate", f"{address}/photo", "out").stderr
    told = maskaug("generate", f"{address.replace('anna', 'bert')}/photos", "out").stderr
    assert "does not exist; name a folder of pictures" in told
