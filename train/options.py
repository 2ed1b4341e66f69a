"""Options of the commands about classifiers: parsed by the command line, checked here."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from maskaug.augment.options import Folder
from maskaug.train.recipes import RECIPES, Recipe, RecipeName, changed

BEST_FILE = "best.pt"  # by which a folder is known for a training run


class EvaluateOptions(BaseModel):
    """Options of ``maskaug evaluate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a training run.")
    data: Folder = Field(description="Pictures as {split}/{class} or {class} folders.")
    split: str | None = Field(None, description="Only this split. [default: all but train]")
    name: str | None = Field(None, min_length=1, description="What the pictures are called. [default: DATA's name]")
    masked_class: str = Field("wearing_mask", min_length=1, description="Folder of masked faces in DATA.")
    unmasked_class: str = Field("not_wearing_mask", min_length=1, description="Folder of unmasked faces in DATA.")
    json_: bool = Field(False, description="Print the figures as JSON.")
    resamples: int = Field(1000, ge=0, description="Bootstrap samples behind the intervals.")
    batch_size: int = Field(64, ge=1, description="Pictures judged together.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...")
    seed: int = Field(0, ge=0, description="Seed of the bootstrap.")
    cache: Path | None = Field(None, description="Folder for decoded pictures. [default: ~/.cache/maskaug]")


class PredictOptions(BaseModel):
    """Options of ``maskaug predict``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path | None = Field(
        None,
        description="Folder of a training run, or a .onnx file of maskaug export. Anything else is the first of PATHS, "
        "and the bundled classifier judges.",
        json_schema_extra={"argument": True},
    )
    paths: list[Path] = Field(
        default_factory=list,
        description="Pictures, videos, or folders of them.",
        json_schema_extra={"argument": True},
    )
    camera: int | None = Field(None, ge=0, description="Look through this camera, until Ctrl-C.")
    whole: bool = Field(False, description="The pictures are crops of one face each: look for none.")
    every: int = Field(1, ge=1, description="Take every so many-th frame of a video or camera.")
    draw: Path | None = Field(None, description="Folder for the pictures and videos with what was found drawn in.")
    explain: bool = Field(False, description="Also draw where the network looks, by Grad-CAM; needs RUN and --draw.")
    json_: bool = Field(False, description="Print a line of JSON for each picture or frame.")
    batch_size: int = Field(64, ge=1, description="Faces judged together.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ... for RUN; .onnx files use the CPU.")

    @model_validator(mode="after")
    def _consistent(self) -> "PredictOptions":
        if self.camera is None and not self.pictures:
            raise ValueError("name pictures, videos or folders, or give --camera 0")
        if self.camera is not None and self.pictures:
            raise ValueError("--camera and pictures exclude each other; give one")
        if self.explain and self.draw is None:
            raise ValueError("--explain draws; say where with --draw DIR")
        return self

    @property
    def trained(self) -> Path | None:
        """The training run that judges, if one does."""
        return self.run if self.run is not None and (self.run / BEST_FILE).is_file() else None

    @property
    def file(self) -> Path | None:
        """The ``.onnx`` file that judges, if one is named."""
        return self.run if self.run is not None and self.run.suffix.lower() == ".onnx" else None

    @property
    def pictures(self) -> list[Path]:
        """What is looked at."""
        first = [self.run] if self.run is not None and not self.trained and not self.file else []
        return [*first, *self.paths]


class ExportOptions(BaseModel):
    """Options of ``maskaug export``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a training run.")
    to: Literal["onnx", "torchscript"] = Field("onnx", description="Format of the file.")
    output: Path | None = Field(None, description="The file. [default: RUN/model.onnx or RUN/model.torchscript.pt]")
    half: bool = Field(
        False, description="Store weights as float16, in half the bytes; they are computed with as float32."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ExportOptions":
        if self.half and self.to != "onnx":
            raise ValueError("--half is a form of ONNX files; leave out --to, or --half")
        return self


class AblateOptions(BaseModel):
    """Options of ``maskaug ablate``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Folder = Field(description="Data set to train on.")
    vary: list[str] = Field(
        default_factory=list, description="What to vary, the baseline first: weights=none,imagenet. more than once."
    )
    one_at_a_time: bool = Field(False, description="Not all combinations: the baseline, and one change of it in turn.")
    seeds: int = Field(3, ge=1, description="Runs of each combination, with seeds 0, 1, 2 ...")
    out: Folder = Field(Path("ablation"), description="Folder for the runs, the table and the plot.")
    on: list[Path] = Field(default_factory=list, description="Judge every run on these pictures, too.")
    recipe: RecipeName = Field("report", description="Recipe of all runs.")
    set_: list[str] = Field(
        default_factory=list,
        description="Change a field of the recipe for all runs, such as epochs=10; more than once.",
    )
    wandb: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="Weights & Biases, where the runs are a group; auto: online where there is a key."
    )
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...")

    @model_validator(mode="after")
    def _consistent(self) -> "AblateOptions":
        if not self.vary:
            raise ValueError("say what to vary: --vary weights=none,imagenet")
        for text in self.vary:
            name, _, values = text.partition("=")
            parts = values.split(",")
            if not name.strip() or not all(part.strip() for part in parts):
                raise ValueError(f"--vary {text}: write for example --vary weights=none,imagenet")
            if len(set(parts)) < len(parts):
                raise ValueError(f"--vary {text}: a value is named twice")
        if len(self.factors) < len(self.vary):
            raise ValueError("--vary names one thing twice; give all its values at once")
        names = [data.resolve().name for data in self.on]
        if len(set(names)) < len(names) or "validation" in names:
            raise ValueError("the folders of --on need different names, and none may be called validation")
        return self

    @property
    def factors(self) -> dict[str, list[str]]:
        """Values by what is varied."""
        pairs = (text.partition("=") for text in self.vary)
        return {name.strip(): [part.strip() for part in values.split(",")] for name, _, values in pairs}

    def base(self) -> dict[str, Any]:
        """What all runs have in common."""
        return {"data": str(self.data.resolve()), "recipe": self.recipe, "set": sorted(self.set_)}


class TrainOptions(BaseModel):
    """Options of ``maskaug train``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Folder | None = Field(
        None,
        description="Folder with {train,val}/{not_wearing_mask,wearing_mask}, as maskaug curate and generate write it.",
        json_schema_extra={"argument": True},
    )
    out: Path | None = Field(None, description="Folder for the run; new or empty. [default: runs/RECIPE-ARCH-SEED]")
    resume: Path | None = Field(None, description="Go on with this run, with its own options.")
    recipe: RecipeName = Field("report", description="What is trained, and how.")
    arch: str | None = Field(
        None, description="Another classifier of torchvision than the recipe's, such as resnet152."
    )
    weights: str | None = Field(
        None,
        description="Weights to begin with: none, imagenet, torchvision's names, or a file. [default: the recipe's]",
    )
    set_: list[str] = Field(
        default_factory=list, description="Change a field of the recipe, such as lr=0.001; can be given again."
    )
    teacher: Path | None = Field(
        None, description="Learn from what this run says of the pictures, instead of their labels."
    )
    seed: int = Field(0, ge=0, description="Seed of all that is drawn at random.")
    deterministic: bool = Field(False, description="The same bytes every time on the same machine; slower on a GPU.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...; torchrun gives each process its own.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="Of the network's products; auto: bf16 where that is faster."
    )
    memory_format: Literal["channels_last", "contiguous"] = Field(
        "channels_last", description="Of pictures and weights; contiguous can be faster on CPUs without bf16."
    )
    compile: bool = Field(False, description="Compile the network first: a minute or more, then faster on a GPU.")
    cache: Path | None = Field(None, description="Folder for decoded pictures. [default: ~/.cache/maskaug]")
    wandb: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="Weights & Biases; auto: online where there is a key, else offline."
    )
    project: str = Field("maskaug", min_length=1, description="Project there.")
    group: str | None = Field(None, description="Group of runs there.")

    @model_validator(mode="after")
    def _consistent(self) -> "TrainOptions":
        if (self.data is None) == (self.resume is None):
            raise ValueError("name DATA to begin a run, or --resume RUN to go on with one")
        if self.resume is not None and self.out is not None:
            raise ValueError("--resume goes on in the run's own folder; leave out --out")
        return self

    @property
    def resolved_recipe(self) -> Recipe:
        """The recipe with all changes.

        Raises:
            RecipeError: a change is not possible.
        """
        named = [f"{name}={value}" for name, value in (("arch", self.arch), ("weights", self.weights)) if value]
        return changed(RECIPES[self.recipe], [*named, *self.set_])


class DistillOptions(BaseModel):
    """Options of ``maskaug distill``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: Path = Field(description="Folder of a finished training run: the teacher, whose data and recipe are used.")
    out: Path | None = Field(None, description="Folder for the student's run; new or empty. [default: RUN/distilled]")
    arch: str = Field("mobilenet_v3_small", min_length=1, description="The student: a classifier of torchvision.")
    set_: list[str] = Field(
        default_factory=list,
        description="Change a field of the student's recipe, which is the teacher's but for arch, weights=none, "
        "label_smoothing=0 and a size of at least 96; can be given again.",
    )
    seed: int = Field(0, ge=0, description="Seed of all that is drawn at random.")
    deterministic: bool = Field(False, description="The same bytes every time on the same machine; slower on a GPU.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:1 ...; torchrun gives each process its own.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="Of both networks' products; auto: bf16 where that is faster."
    )
    cache: Path | None = Field(None, description="Folder for decoded pictures. [default: ~/.cache/maskaug]")
    wandb: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="Weights & Biases; auto: online where there is a key, else offline."
    )
