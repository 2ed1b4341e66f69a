"""The page of the report's ablations says what the figures that are kept say."""

import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("report_ablation")


def test_the_page_has_the_tables_of_the_figures_that_are_kept(script):
    kept = ROOT / "benchmarks/report_ablation.json"
    if not kept.exists():
        pytest.skip("the grids have not run through")
    record = json.loads(kept.read_text())
    grids = {name: script.ablation_of(one) for name, one in record.items()}
    assert script.tables(grids) in (ROOT / "docs/ablations.md").read_text(encoding="utf-8")
    assert (ROOT / "docs/ablations.png").read_bytes()[:4] == b"\x89PNG"


def test_a_grid_comes_back_without_the_places_of_its_files(script, tmp_path):
    figures = [{"accuracy, real": 0.9, "auc, real": None}, {"accuracy, real": 0.8, "auc, real": None}]
    values = ["none", "/home/someone/net.pth"]
    pairs = zip(values, figures, strict=True)
    runs = [{"settings": {"weights": one}, "seed": 0, "run": one, "figures": of} for one, of in pairs]
    base = {"recipe": "report", "set": ["size=48"], "data": "/home/someone/data"}
    (tmp_path / "ablation.json").write_text(json.dumps({"base": base, "factors": {"weights": values}, "runs": runs}))
    kept = script.read(tmp_path)
    assert "someone" not in json.dumps(kept)
    grid = script.ablation_of(kept)
    assert grid.factors == {"weights": ["none", "net.pth"]}
    assert [one.metrics["real", "accuracy"] for one in grid.outcomes] == [0.9, 0.8]
    table = script.tables({"depth": grid})
    assert "| weights: none to net.pth | real | accuracy | -0.1000 | 1 | - |" in table
    assert script.plot({"depth": grid})[:4] == b"\x89PNG"
