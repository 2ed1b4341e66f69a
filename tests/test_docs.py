"""The documentation is true: commands parse, examples run, tables name all there is, links lead somewhere."""

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import absolute_links
import astronaut
import gallery
import nbformat
import numpy as np
import pytest
import site_hooks
import site_tables
import typer
from nbclient import NotebookClient
from PIL import Image

import maskaug.augment
import maskaug.review_ui
import maskaug.train
from maskaug.augment import GenerateOptions, generate
from maskaug.augment.curate.curate import CURATED_SCHEMA
from maskaug.augment.reviews.log import Event
from maskaug.cli.command import command
from maskaug.core.pictures import encode_picture
from maskaug.review_ui.exchange.judged import TOLD
from maskaug.train import Recipe, RunDir
from maskaug.train.evaluate.predictions import Predictions
from maskaug.train.model.calibration import Calibration
from maskaug.train.model.onnx_classifier import OnnxMetadata

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TEXTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted(ROOT.glob("assets/*/*.md")),
    *PAGES,
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(text, *languages):
    return [body for language, body in BLOCK.findall(text) if language in languages]


def expanded(body):
    """Lines of a block of shell, with its variables put in and continued lines joined."""
    variables = dict(re.findall(r'^(\w+)="([^"]*)"$', body, re.MULTILINE))
    return re.sub(r"\$(\w+)", lambda found: variables[found[1]], body.replace("\\\n", " ")).splitlines()


def typed(lines):
    """Command lines of maskaug, as words after ``maskaug``."""
    for line in lines:
        words = shlex.split(line, comments=True)
        nested = [shlex.split(word) for word in words if word.startswith("maskaug ")]  # ssh HOST "maskaug ..."
        for several in nested or [words]:
            if "maskaug" in several and (several[0] == "maskaug" or "-m" in several):
                yield several[several.index("maskaug") + 1 :]


def section(page, title):
    """A section of a page, with those below it."""
    level, _, rest = (DOCS / page).read_text(encoding="utf-8").partition(f"# {title}\n")
    assert rest, f"{page} has no section {title!r}"
    depth = len(level) - len(level.rstrip("#")) + 1
    return re.split(rf"^#{{1,{depth}}} ", rest, flags=re.MULTILINE)[0]


def spans(text):
    return set(re.findall(r"`([^`]+)`", text))


@pytest.fixture(scope="module")
def dry():
    """Parses a command line into its options, and runs nothing."""
    parser, seen = typer.Typer(), []
    names = site_tables.commands()
    for name in names:
        for package in (maskaug.augment, maskaug.review_ui, maskaug.train):
            model = getattr(package, f"{name.title()}Options", None)
            if model is not None:
                parser.command(name)(command(model, seen.append))
    parser.command("doctor")(lambda: seen.append("doctor"))
    group = typer.Typer()
    for name in site_tables.grouped()["decisions"]:
        group.command(name)(command(getattr(maskaug.review_ui, f"Decisions{name.title()}Options"), seen.append))
    parser.add_typer(group, name="decisions")
    parse = typer.main.get_command(parser)

    def read(words):
        seen.clear()
        parse(words, standalone_mode=False)
        return seen[0]

    return read


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_parse(path, dry):
    text = path.read_text(encoding="utf-8")
    for words in typed(line for body in blocks(text, "", "sh") for line in expanded(body)):
        try:
            assert dry(words)
        except Exception as error:
            pytest.fail(f"maskaug {shlex.join(words)}: {error}")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_in_a_sentence_have_the_options_that_they_name(path):
    text = BLOCK.sub("", path.read_text(encoding="utf-8")).replace("\n", " ")
    for words in typed(re.findall(r"`(maskaug \w[^`]*)`", text)):
        if words[0] in (groups := site_tables.grouped()):
            assert words[1] in groups[words[0]]
            there = spans(site_tables.options_table(*words[:2]))
        else:
            assert words[0] in site_tables.commands()
            there = spans(site_tables.options_table(words[0])) if words[0] != "doctor" else set()
        assert {word for word in words if word.startswith("--")} <= there, shlex.join(words)


def test_the_readme_is_short_and_stands_alone():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 135
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    assert links
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_demo_runs_the_readmes_chain():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").split("## The whole chain")[1]
    shown = [shlex.split(line) for line in blocks(readme, "sh")[0].splitlines()]
    assert blocks((DOCS / "index.md").read_text(encoding="utf-8"), "sh")[0] == blocks(readme, "sh")[0]
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\ndemo:")[1].split("\n\n")[0].replace("\\\n", " ")
    lines = [line.strip() for line in recipe.splitlines()]
    run = [shlex.split(line.replace(".demo/", "")) for line in lines if line.startswith("$(BIN)/maskaug ")]
    smaller = {"--arch", "--set", "--cache"}
    assert len(shown) == len(run) == 5
    for words, demo in zip(shown, run, strict=True):
        expected = [word.rstrip("/") for word in words[1:]]
        assert demo[1 : len(words)] == expected
        assert set(demo[len(words) :: 2]) <= smaller


def test_every_command_has_a_page_with_its_options():
    names = site_tables.commands()
    assert {path.stem for path in (DOCS / "commands").glob("*.md")} == {"index", "decisions", *names}
    listed = (DOCS / "commands/index.md").read_text(encoding="utf-8")
    for name in names:
        page = (DOCS / f"commands/{name}.md").read_text(encoding="utf-8")
        assert f"[{name}]({name}.md)" in listed
        assert page.startswith(f"# maskaug {name}\n")
        assert name == "doctor" or f"<!-- table: options {name} -->" in page
    page = (DOCS / "commands/decisions.md").read_text(encoding="utf-8")
    assert "[decisions](decisions.md)" in listed
    assert page.startswith("# maskaug decisions\n")
    for name in site_tables.grouped()["decisions"]:
        assert f"<!-- table: options decisions {name} -->" in page


def test_tables_are_made_from_the_program():
    shown = site_hooks.with_tables("<!-- table: options predict -->\n\n<!-- table: recipes -->\n\n<!-- table: keys -->")
    assert "| `--three-classes` |" in shown
    assert "| `--every` | `1` |" in shown
    assert all(f"| `{name}` |" in shown for name in Recipe.model_fields)
    assert "| `corruptions` | `none` | `all` |" in shown
    assert "++u++ ++backspace++" in shown
    generated = site_tables.options_table("generate")
    assert "`--variety` `none` `real` `wide` `wild` | `real` |" in generated
    assert generated.index("`SRC`") < generated.index("`--kinds`, `--kind`")
    for page in PAGES:  # no table that there is not
        site_hooks.with_tables(page.read_text(encoding="utf-8"))


def test_every_column_and_field_has_its_meaning():
    manifest = spans(section("formats.md", "The manifest"))
    curated = spans(section("formats.md", "The manifest of a curated set"))
    assert set(CURATED_SCHEMA.names) - manifest - curated == set()
    assert set(Event.model_fields) - spans(section("formats.md", "Decisions")) == set()
    assert set(TOLD) - spans(section("formats.md", "Decisions of other programs")) == set()
    run = spans(section("formats.md", "A run"))
    properties = [name for name, value in vars(RunDir).items() if isinstance(value, property) and name[:2] != "is"]
    files = {getattr(RunDir(Path("RUN")), name).name for name in properties}
    assert files - run == {RunDir(Path("RUN")).student.name}
    assert {field.name for field in fields(Predictions)} - run == set()
    assert set(Calibration.model_fields) - run == set()
    assert set(OnnxMetadata.model_fields) - spans(section("formats.md", "An ONNX file")) == set()
    evaluation = json.loads((ROOT / "tests/data/v0.1.0/run/evaluations/val/evaluation.json").read_text())
    assert set(evaluation) - spans(section("formats.md", "evaluate: JSON")) == set()


def test_messages_are_those_of_the_program():
    """Each message of the troubleshooting page is a part of one string of the program."""
    said = set()
    for room in (ROOT / "src/maskaug").iterdir():
        for path in room.rglob("*.py"):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            said |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    text = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^\| `(.+?)`(?: \(in the manifest\))? \|", text, re.MULTILINE)
    assert len(quoted) >= 25
    assert [message for message in quoted if not any(message in one for one in said)] == []


def test_the_gallery_shows_all_there_is():
    for name, expected in gallery.shown().items():
        with Image.open(DOCS / f"gallery/{name}.jpg") as picture:
            assert picture.info["comment"].decode().split("; ") == expected, "draw it anew: make gallery"
    assert sum(path.stat().st_size for path in (DOCS / "gallery").iterdir()) < 1.5e6


def test_links_of_the_repository_are_links_of_the_site():
    relinked = site_hooks.relinked
    card = "[card](../../assets/classifier/CARD.md#limits)"
    assert relinked(card, "commands/predict.md") == "[card](../cards/classifier.md#limits)"
    assert relinked("[a](docs/annotations.md)", "project/changelog.md") == "[a](../annotations.md)"
    assert relinked("![r](docs/rooms.svg)", "project/architecture.md") == "![r](../rooms.svg)"
    assert relinked("[w](https://semver.org/) [b](#b)", "index.md") == "[w](https://semver.org/) [b](#b)"


def test_a_package_index_gets_absolute_links():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = absolute_links.absolute(readme, "https://forge.example/someone/maskaug", "v1.2.3")
    targets = re.findall(r"\]\(([^)]+)\)", shown)
    assert len(targets) == len(re.findall(r"\]\(([^)]+)\)", readme))
    assert [target for target in targets if not target.startswith("https://")] == []
    assert "(https://forge.example/someone/maskaug/raw/v1.2.3/docs/contact_sheet.jpg)" in shown
    assert "(https://forge.example/someone/maskaug/blob/v1.2.3/docs/figures.md)" in shown
    table = tomllib.loads(absolute_links.urls("https://forge.example/someone/maskaug", "v1.2.3"))
    assert table["project"]["urls"]["Issues"] == "https://forge.example/someone/maskaug/issues"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """What the examples take for granted: photographs, a folder of classes, a generated set, a pack of one's own."""
    place = tmp_path_factory.mktemp("examples")
    astronaut.write_faces(place / "faces", {"train": 8})
    shutil.copytree(place / "faces/train/not_wearing_mask", place / "photos")
    (place / "portrait.jpg").write_bytes(encode_picture(astronaut.face(240, tight=3), "jpeg"))
    generate(GenerateOptions(src=place / "photos", dst=place / "masked", workers=1))
    (place / "my_pack").mkdir()
    (pack,) = blocks((DOCS / "templates.md").read_text(encoding="utf-8"), "json")
    (place / "my_pack/pack.json").write_text(pack)
    Image.fromarray(np.full((160, 200, 4), 230, dtype=np.uint8)).save(place / "my_pack/school_green.png")
    return place


@pytest.fixture
def persons(place, tmp_path):
    """The same place, where the set is of persons."""
    for person in ("anna", "bert"):
        shutil.copytree(place / "photos", tmp_path / "people" / person)
    options = GenerateOptions(src=tmp_path / "people", dst=tmp_path / "masked", layout="identities", workers=1)
    generate(options)
    return tmp_path


def run_examples(path, monkeypatch, place):
    """All Python blocks of a text, one after the other, as a reader would type them."""
    monkeypatch.chdir(place)
    namespace = {"__name__": "shown", "image": astronaut.face(240, tight=3)}
    for number, body in enumerate(blocks(path.read_text(encoding="utf-8"), "python"), 1):
        exec(compile(body, f"{path.name}, example {number}", "exec"), namespace)
    return namespace


def examples():
    texts = [path for path in TEXTS if path.name not in ("CONTRIBUTING.md", "identities.md")]  # which have tests below
    return [path for path in texts if blocks(path.read_text(encoding="utf-8"), "python")]


@pytest.mark.slow
@pytest.mark.parametrize("path", examples(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_run(path, place, monkeypatch):
    run_examples(path, monkeypatch, place)


@pytest.mark.slow
def test_the_example_of_persons_runs(persons, monkeypatch):
    found = run_examples(DOCS / "identities.md", monkeypatch, persons)
    assert found["faces"].classes == ["anna", "bert"]


@pytest.mark.slow
def test_what_the_examples_write_is_described(place, maskaug):
    done = maskaug("predict", place / "portrait.jpg", "--json")
    line = json.loads(done.stdout)
    described = spans(section("formats.md", "predict: JSON"))
    assert line["faces"]
    assert set(line) | set(line["faces"][0]) <= described
    generated = spans(section("formats.md", "A generated set"))
    assert set(json.loads((place / "masked/stats.json").read_text())) <= generated


@pytest.mark.slow
def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 35
    loaded = re.compile(r"<(?:script|img|iframe|source)[^>]*\ssrc=\"https?:|<link[^>]*stylesheet[^>]*https?:")
    assert [page.name for page in pages if loaded.search(page.read_text(encoding="utf-8"))] == []
    assert "--variety" in (tmp_path / "site/commands/generate/index.html").read_text(encoding="utf-8")
    assert "sample_occluder" in (tmp_path / "site/api/masktheface_wrapper/index.html").read_text(encoding="utf-8")


def test_the_notebook_has_no_outputs():
    notebook = json.loads((DOCS / "notebooks/quickstart.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)


@pytest.mark.slow
def test_the_notebook_runs(place, tmp_path, monkeypatch):
    shutil.copytree(place / "photos", tmp_path / "photos")
    monkeypatch.setenv("MASKAUG_QUICKSTART", "small")
    notebook = nbformat.read(DOCS / "notebooks/quickstart.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "run/report.html").is_file()
