"""`RunDir`: the files of a training run, named in one place. Free of PyTorch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskaug.core.files import CHECKSUMS_FILE, LOCK_FILE
from maskaug.core.text import parse_json

PREDICTIONS_FILE = "predictions.parquet"  # of a run, and of each of its evaluations
EVALUATION_FILE = "evaluation.json"
# Endings of files that hold a network, but not what it takes to judge by it.
_NETWORK_FILES = frozenset({".pt", ".pth", ".safetensors", ".torchscript"})


def check_judge(named: Path) -> None:
    """Make sure that what is named to judge is no file of a network that says nothing of its classes and its input.

    Raises:
        ValueError: it is one.
    """
    if named.suffix.lower() in _NETWORK_FILES:
        raise ValueError(
            f"{named} is a network's file, by which nothing is judged here; name the folder of its run, or the .onnx "
            "file of: maskaug export RUN"
        )


@dataclass(frozen=True)
class RunDir:
    """A folder that ``maskaug train`` writes.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """Recipe, options and versions, as JSON."""
        return self.path / "config.json"

    @property
    def history(self) -> Path:
        """A row of metrics for each epoch, as CSV."""
        return self.path / "metrics.csv"

    @property
    def best(self) -> Path:
        """The kept network with what it takes to use it; a folder that has it is a training run."""
        return self.path / "best.pt"

    @property
    def best_tensors(self) -> Path:
        """The weights of that network alone, as safetensors."""
        return self.path / "best.safetensors"

    @property
    def last(self) -> Path:
        """All it takes to resume."""
        return self.path / "last.pt"

    @property
    def calibration(self) -> Path:
        """Temperature, bias and threshold, as JSON."""
        return self.path / "calibration.json"

    @property
    def margins(self) -> Path:
        """How faces are cropped for the network, as JSON."""
        return self.path / "margins.json"

    @property
    def trained_on(self) -> Path:
        """SHA-256 of each training picture's file, a line each."""
        return self.path / "trained_on.txt"

    @property
    def predictions(self) -> Path:
        """On the validation pictures, as parquet; written last, so a run that has it is finished."""
        return self.path / PREDICTIONS_FILE

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.path / "report.html"

    @property
    def checksums(self) -> Path:
        """SHA-256 of the files that the training wrote and no other command rewrites, a line each; written last."""
        return self.path / CHECKSUMS_FILE

    @property
    def lock(self) -> Path:
        """Held by the process that trains; removed when it ends."""
        return self.path / LOCK_FILE

    @property
    def student(self) -> Path:
        """The run of a network that learns from this one, unless it is put elsewhere."""
        return self.path / "distilled"

    def exported(self, suffix: str) -> Path:
        """The network as a file for other programs, by the suffix of its format, unless it is put elsewhere."""
        return self.path / f"model{suffix}"

    @property
    def is_run(self) -> bool:
        """Whether a network has been kept here."""
        return self.best.is_file()

    @property
    def is_finished(self) -> bool:
        """Whether the training is through."""
        return self.predictions.exists()

    def evaluation(self, name: str) -> Path:
        """The folder of the evaluation of that name."""
        return self.path / "evaluations" / name

    def evaluations(self) -> list[Path]:
        """The folders of finished evaluations, by name."""
        return [path.parent for path in sorted((self.path / "evaluations").glob(f"*/{EVALUATION_FILE}"))]

    def read_config(self) -> dict[str, Any]:
        """What :attr:`config` holds; `maskaug.train.fit.run_config` gives it a form.

        Raises:
            OSError, ValueError: the file is missing, or is not JSON.
        """
        config: dict[str, Any] = parse_json(self.config.read_text(encoding="utf-8"))
        return config
