"""The wheel, as a user gets it."""

import email
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import astronaut
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    # From a copy: a build leaves its own folder beside the sources.
    sources = out / "sources"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().rstrip("\0").split("\0"):
        if os.path.lexists(ROOT / name):
            (sources / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, sources / name, follow_symlinks=False)
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(sources)], check=True, capture_output=True
    )
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_one_package_with_its_templates(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"maskaug"}
    assert "maskaug/assets/standard/pack.json" in names
    assert "maskaug/assets/standard/n95_white.png" in names
    assert "maskaug/assets/classifier/CARD.md" in names
    assert "maskaug/py.typed" in names
    assert sum(info.file_size for info in zipfile.ZipFile(wheel).infolist()) < 25e6


@pytest.mark.slow
def test_the_wheel_says_what_may_be_done_with_it(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    about = email.message_from_bytes(archive.read(name))
    assert about["License-Expression"] == "MIT AND LicenseRef-maskaug-classifier"
    texts = {path.rsplit("/", 1)[1] for path in archive.namelist() if ".dist-info/licenses/" in path}
    assert (
        texts
        == {"LICENSE", "LicenseRef-maskaug-classifier.txt"}
        == {path.rsplit("/")[-1] for path in about.get_all("License-File")}
    )
    weights = archive.read(
        next(path for path in archive.namelist() if path.endswith("LicenseRef-maskaug-classifier.txt"))
    )
    restricted = [
        path for path in archive.namelist() if path.startswith("maskaug/assets/classifier/") and path.endswith(".onnx")
    ]
    assert restricted
    assert all(Path(path).name.encode() in weights for path in restricted)
    assert about["Author"] or about["Author-email"]
    assert about["Keywords"]


def test_extras_are_those_of_the_readme():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set(project["optional-dependencies"])
    table = re.findall(
        r"^\| `(\w+)` \|.*maskaug\[(\w+)\]", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name for name, _ in table} == extras - {"dev", "docs"}
    assert all(name == installed for name, installed in table)
    (everything,) = project["optional-dependencies"]["all"]
    assert set(re.findall(r"\w+", everything)) == {"maskaug", *extras} - {"dev", "docs", "all"}


@pytest.mark.slow
def test_the_installed_wheel_works_from_anywhere(wheel, tmp_path):
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)],
        check=True,
        capture_output=True,
    )
    astronaut.write_faces(tmp_path / "faces", {"train": 2})
    # -S leaves out the editable installation; the dependencies are named by hand.
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    arguments = ["maskaug", "generate", str(tmp_path / "faces"), str(tmp_path / "out"), "--workers", "1"]
    program = (
        f"import sys; sys.path[:0] = [{str(site)!r}]; sys.path.append({dependencies!r})\n"
        "import maskaug; print(maskaug.__file__)\n"
        "from maskaug.cli.app import main\n"
        f"sys.argv = {arguments!r}\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(site) in done.stdout
    assert len(list((tmp_path / "out" / "train" / "wearing_mask").glob("*.jpg"))) == 2


@pytest.mark.slow
def test_bare_names_stay_free(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert not tops & {"augment", "train", "review_ui", "assets", "masktheface_wrapper"}


def test_every_folder_of_the_package_is_linked_into_it():
    """A new top-level folder must be linked: ln -s ../../NAME src/maskaug/NAME; below them, folders need no mention."""
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    links = {path.name for path in (ROOT / "src/maskaug").iterdir() if path.is_symlink()}
    assert links == folders
    assert all((ROOT / "src/maskaug" / name).resolve() == ROOT / name for name in links)
