"""What keeps the house in order: small folders, short functions, a documented interface, texts that stand alone."""

import ast
import importlib
import inspect
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = sorted(path.name for path in (ROOT / "src/maskaug").iterdir() if path.is_dir() and path.name[0] not in "._")
MODULES = sorted(path for name in FOLDERS for path in (ROOT / name).rglob("*.py"))
MOST_MODULES = 16
LONGEST_FUNCTION = 90
PUBLIC = ["core", "assets", "masktheface_wrapper", "augment", "review_ui", "train"]


def public_names():
    for folder in PUBLIC:
        module = importlib.import_module(f"maskaug.{folder}")
        for name in getattr(module, "__all__", ()):
            yield module, name


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imported_from(module):
    """Where a module has its names from: name here -> (module, name there)."""
    nodes = [node for node in ast.walk(tree(Path(module.__file__))) if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: (node.module, alias.name) for node in nodes for alias in node.names}


def described_constant(module, name):
    """Whether a constant or an alias has a comment above or beside it, or a string beneath it, where it is defined."""
    while name in imported_from(module):
        origin, name = imported_from(module)[name]
        module = importlib.import_module(origin)
    path = Path(module.__file__)
    lines, body = path.read_text(encoding="utf-8").splitlines(), tree(path).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            beneath = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            above = node.lineno > 1 and lines[node.lineno - 2].startswith("#")
            beside = "  # " in lines[node.lineno - 1] or "  # " in lines[node.end_lineno - 1]
            return beneath or above or beside
    return False


def documented(module, name):
    """Whether a public name has a text of its own: none inherited, and none that `dataclass` has made up."""
    value = getattr(module, name)
    if inspect.isclass(value):
        text = vars(value).get("__doc__") or ""
        return bool(text.strip()) and not text.startswith(f"{value.__name__}(")
    if inspect.isroutine(value) or inspect.ismodule(value):
        return bool((value.__doc__ or "").strip())
    return described_constant(module, name)


def test_a_folder_holds_few_modules():
    """A reader takes in a folder at a glance: put modules that belong together into one of their own."""
    counts = {}
    for path in MODULES:
        if path.name != "__init__.py":
            folder = str(path.parent.relative_to(ROOT))
            counts[folder] = counts.get(folder, 0) + 1
    assert counts
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_functions_are_short():
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert lengths
    assert {function: length for function, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_every_public_name_is_documented():
    names = list(public_names())
    assert names
    bare = [f"{module.__name__}.{name}" for module, name in names if not documented(module, name)]
    assert not bare, "\n".join(bare)


@pytest.mark.parametrize("folder", ["masktheface_wrapper", "augment", "review_ui", "train"])
def test_a_package_that_users_import_says_what_is_public(folder):
    names = getattr(importlib.import_module(f"maskaug.{folder}"), "__all__", None)
    assert names, f"maskaug.{folder} has no __all__"
    assert len(set(names)) == len(names)


def test_no_shipped_text_leads_out_of_the_repository():
    """A data set is named by what it is and where it comes from, not by where it lies on one machine."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name and not name.startswith("tests/")]
    texts = [name for name in names if Path(name).suffix in {".py", ".md", ".cff", ".jinja", ".html", ".toml"}]
    found = []
    for name in texts:
        if (ROOT / name).is_file():
            lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
            found += [f"{name}:{i}" for i, line in enumerate(lines, 1) if "../shared" in line or "shared/data" in line]
    assert "README.md" in names
    assert not found, "\n".join(found)
