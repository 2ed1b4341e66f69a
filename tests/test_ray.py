"""A Ray cluster of two nodes gives what this machine gives, also where a node or a process is killed in the middle."""

import hashlib
import os
import shutil

import fragile
import pytest

from maskaug.augment import CurateOptions, GenerateError, GenerateOptions, curate, generate
from maskaug.core.executors import Crash, ExecutionOptions, open_executor
from maskaug.core.files import file_sha256, find_objects, read_bytes, to_path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when Ray is imported
cluster_utils = pytest.importorskip("ray.cluster_utils")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def store():
    """An S3 server, which what is started later finds by its environment; None where moto is missing."""
    try:
        from s3_server import serving
    except ModuleNotFoundError:
        yield None
        return
    with serving("ray") as served:
        yield served


@pytest.fixture(scope="module")
def cluster(store):
    """A head that does no work, and two nodes of one core; their processes find the tests' modules."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.path.dirname(__file__), before]))  # noqa: PTH120
    head = {"num_cpus": 0, "include_dashboard": False}
    found = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        found.add_node(num_cpus=1)
    yield found
    found.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


def contents(folder):
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*") if path.is_file()}


def test_a_task_that_kills_its_process_costs_only_itself(cluster):
    options = ExecutionOptions(engine="ray", ray_address=cluster.address)
    executor = open_executor(fragile.start, options)
    try:
        results = dict(executor.run(list(range(40))))
        with pytest.raises(ValueError, match="seven is not a number"):
            list(executor.run(["seven"]))
    finally:
        executor.close()
    assert isinstance(results.pop(13), Crash)
    assert results == {task: task * 2 for task in range(40) if task != 13}


def test_a_cluster_gives_the_same_bytes_also_where_a_node_is_killed(cluster, faces_folder, tmp_path):
    generate(GenerateOptions(src=faces_folder, dst=tmp_path / "here", workers=1))
    lost = []

    def kill_a_node(done, total, written):
        if not lost:
            lost.append((done, total))
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    spread = GenerateOptions(src=faces_folder, dst=tmp_path / "there", engine="ray", ray_address=cluster.address)
    summary = generate(spread, kill_a_node)
    assert lost[0][0] < lost[0][1]
    assert not summary.failed
    assert contents(tmp_path / "there") == contents(tmp_path / "here")

    curate(CurateOptions(dst=tmp_path / "here", out=tmp_path / "local" / "final", workers=1))
    shutil.rmtree(tmp_path / "here")
    (tmp_path / "there").rename(tmp_path / "here")
    out = tmp_path / "ray" / "final"
    curate(CurateOptions(dst=tmp_path / "here", out=out, engine="ray", ray_address=cluster.address))
    assert contents(out) == contents(tmp_path / "local" / "final")


@pytest.mark.parametrize("to", ["imagefolder", "webdataset"])
def test_what_nodes_make_is_written_to_a_store(store, cluster, faces_folder, tmp_path, to):
    """Files by the nodes, which get the address with the task and keys by their environment; shards by the driver."""
    if store is None:
        pytest.skip("needs moto and Flask")
    there = to_path(f"{store.address}/{to}")
    generate(GenerateOptions(src=faces_folder, dst=tmp_path / "out", to=to, workers=1))
    generate(GenerateOptions(src=faces_folder, dst=there, to=to, engine="ray", ray_address=cluster.address))
    written = {one.name: hashlib.sha256(read_bytes(there / one.name)).hexdigest() for one in find_objects(there)}
    assert written == contents(tmp_path / "out")


def test_a_cluster_that_is_not_there_is_named_and_nothing_is_left(faces_folder, tmp_path):
    options = GenerateOptions(src=faces_folder, dst=tmp_path / "out", engine="ray", ray_address="127.0.0.1:1")
    with pytest.raises(GenerateError, match=r"no Ray cluster answers 127\.0\.0\.1:1"):
        generate(options)
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_an_address_needs_the_engine():
    with pytest.raises(ValueError, match="--ray-address is for --engine ray"):
        ExecutionOptions(ray_address="auto")
