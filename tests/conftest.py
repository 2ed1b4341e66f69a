"""Fixtures: real photographs, real models. Nothing here is a stand-in."""

import os
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

# A thread for each of pytest's workers: PyTorch's own would wait for each other. Read when PyTorch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import astronaut
import numpy as np
import pytest

from maskaug.assets import standard_pack
from maskaug.masktheface_wrapper import FaceFinder, MaskEngine, load_pack

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def photo():
    """The astronaut's head and shoulders, (320, 320, 3) uint8 RGB."""
    return np.ascontiguousarray(astronaut.portrait()[0:320, 60:380])


@pytest.fixture(scope="session")
def engine():
    return MaskEngine(FaceFinder(), load_pack(standard_pack()))


@pytest.fixture(scope="session")
def face(engine, photo):
    """The one face of `photo`."""
    found = engine.find(photo)
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def quick_reports():
    """Reports of runs without what takes their time: few resamples, no plots. Their own tests judge both."""
    from maskaug.train.evaluate import plots, report

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "RESAMPLES", 50)
        for name in ("training_curves", "ranking_plots", "calibration_plots"):
            patch.setattr(plots, name, lambda *_: "")
        yield


@pytest.fixture
def faces_folder(tmp_path):
    """An ImageFolder of 6 + 2 unmasked faces."""
    folder = tmp_path / "faces"
    astronaut.write_faces(folder, {"train": 6, "val": 2})
    return folder


@pytest.fixture
def maskaug(monkeypatch, capsys, tmp_path):
    """The command line in this process, started in ``tmp_path``: exit status and what it printed."""
    from maskaug.cli import main

    monkeypatch.chdir(tmp_path)
    stopped_by = signal.getsignal(signal.SIGTERM)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["maskaug", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return SimpleNamespace(returncode=stopped.value.code or 0, stdout=printed.out, stderr=printed.err)

    yield run
    signal.signal(signal.SIGTERM, stopped_by)


@pytest.fixture(scope="session")
def shared():
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared photographs, and {SHARED} is not there")
    return SHARED


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the golden pictures anew; look at them")


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver_path = shutil.which("chromedriver")
    if not (chromium and driver_path):
        pytest.skip("needs chromium and chromedriver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(driver_path))
    yield driver
    driver.quit()
