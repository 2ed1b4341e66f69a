"""Where a run's metrics go: `RUN/metrics.csv` in any case, and Weights & Biases where it is available."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from netrc import NetrcParseError, netrc
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

import numpy as np

from maskaug.core.classes import MASKED
from maskaug.core.containers import locate
from maskaug.core.files import write_atomic
from maskaug.core.pictures import PictureError, read_picture
from maskaug.train.evaluate.predictions import Predictions
from maskaug.train.model.scores import Scores
from maskaug.train.run_dir import RunDir

WandbMode = Literal["auto", "online", "offline", "disabled"]

_WORST = 64
_MOST_POINTS = 5000  # of a curve; W&B draws no more than 10000


def write_history(run: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write ``RUN/metrics.csv``, a row an epoch.

    Raises:
        OSError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(history[0]))
    writer.writeheader()
    writer.writerows(history)
    write_atomic(RunDir(run).history, text.getvalue().encode(), run)


class Tracker:
    """A run at Weights & Biases, or none. What goes wrong there is reported once, and does not stop the training."""

    def __init__(
        self,
        run: Path,
        mode: WandbMode,
        *,
        project: str,
        group: str | None,
        config: dict[str, Any],
        known: str,
    ) -> None:
        """Begin a run there, or go on with the one that W&B has named ``known``.

        Attributes:
            id: W&B's name for the run; empty without.
            problems: Sentences on what went wrong.
            advice: Where a run is that was tracked offline, and how to send it.
        """
        self.id = known
        self.problems: list[str] = []
        self.advice: list[str] = []
        self._run: Any = None
        if mode == "auto":
            mode = "online" if has_key() else "offline"
        if mode == "disabled":
            return
        try:
            import wandb  # noqa: PLC0415  # slow to import, and not wanted by all

            self._wandb = wandb
            self._run = wandb.init(
                dir=run,
                mode=mode,
                project=project,
                group=group,
                name=run.name,
                config=config,
                id=known or None,
                # Resuming an offline run is refused; its parts have one id, which `wandb sync` joins.
                resume="allow" if known and mode == "online" else None,
                settings=wandb.Settings(silent=True, console="off", init_timeout=30),
            )
            self.id = self._run.id
            if mode == "offline":
                place = Path(self._run.dir).parent
                self.advice.append(f"Weights & Biases: the run is in {place}; send it with: wandb sync {place}")
            # The step is ours: an epoch done again after a kill is no step backwards.
            self._run.define_metric("epoch")
            self._run.define_metric("*", step_metric="epoch")
        except Exception as error:
            self._failed(error)

    def epoch(self, row: Mapping[str, float]) -> None:
        """Log the metrics of an epoch."""
        self._log({_wandb_name(name): value for name, value in row.items()})

    def best(self, row: Mapping[str, float]) -> None:
        """Put the epoch that was kept, and its metrics, into the summary."""
        if self._run is None:
            return
        try:
            self._run.summary.update({f"best/{name}": value for name, value in row.items()})
        except Exception as error:
            self._failed(error)

    def finish(self, predictions: Predictions, scores: Scores, artifacts: Mapping[str, Sequence[Path]]) -> None:
        """Log curves and the worst validation pictures, hand over files, and end the run there.

        Args:
            predictions: On validation pictures.
            scores: What the calibrated classifier says of them.
            artifacts: Files by type, ``model`` or ``dataset``.
        """
        if self._run is None:
            return
        try:
            self._plots(scores, list(predictions.classes))
            self._worst(predictions, scores)
            if self._run.settings.mode != "offline":
                for kind, files in artifacts.items():
                    artifact = self._wandb.Artifact(f"{self._run.id}-{kind}", type=kind)
                    for file in files:
                        artifact.add_file(str(file))
                    self._run.log_artifact(artifact)
            self._run.finish()
        except Exception as error:
            self._failed(error)

    def fail(self) -> None:
        """End a run that has failed."""
        if self._run is not None:
            self._run.finish(exit_code=1)

    def _plots(self, scores: Scores, classes: list[str]) -> None:
        picks = np.linspace(0, len(scores) - 1, min(len(scores), _MOST_POINTS)).astype(int)
        labels, probabilities = scores.labels[picks].tolist(), scores.probabilities[picks]
        plot = self._wandb.plot
        self._log(
            {
                "roc": plot.roc_curve(labels, probabilities, labels=classes),
                "pr": plot.pr_curve(labels, probabilities, labels=classes),
                "confusion": plot.confusion_matrix(
                    y_true=labels, preds=scores.decided[picks].tolist(), class_names=classes
                ),
            }
        )

    def _worst(self, predictions: Predictions, scores: Scores) -> None:
        table = self._wandb.Table(
            ["picture", "path", "label", f"probability of {predictions.classes[MASKED]}", "loss", "kind"]
        )
        for number in np.argsort(-scores.losses, kind="stable")[:_WORST]:
            located = locate(predictions.path[number])
            if located is None:
                continue
            try:
                pixels = read_picture(located).pixels
            except PictureError:
                continue
            table.add_data(
                self._wandb.Image(pixels),
                predictions.path[number],
                predictions.classes[int(scores.labels[number])],
                float(scores.probabilities[number, MASKED]),
                float(scores.losses[number]),
                predictions.kind[number],
            )
        self._log({"worst": table})

    def _log(self, values: dict[str, Any]) -> None:
        if self._run is None:
            return
        try:
            self._run.log(values)
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        self.problems.append(f"Weights & Biases: {reason}; the run goes on without it; its own files have all metrics")
        self._run = None


def has_key() -> bool:
    """Whether Weights & Biases would let this user in without asking for a key."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, NetrcParseError):
        return False


def _wandb_name(name: str) -> str:
    """``train_loss`` is ``train/loss`` there: W&B groups by the slash."""
    for part in ("train", "val"):
        if name.startswith(f"{part}_"):
            return f"{part}/{name.removeprefix(f'{part}_')}"
    return name
