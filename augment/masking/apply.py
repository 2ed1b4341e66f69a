"""`apply`: masks on single pictures."""

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskaug.augment.masking.engine import MaskedPicture, is_upright_known, load_engine, mask_all, turned_upright
from maskaug.augment.masking.options import ApplyOptions
from maskaug.core.errors import MaskaugError, OptionError, failure
from maskaug.core.files import write_atomic
from maskaug.core.pictures import DecodedPicture, PictureError, PictureFormat, encode_picture, read_picture
from maskaug.core.seeds import copy_seed
from maskaug.core.text import printable
from maskaug.masktheface_wrapper import MaskDistribution, MaskEngine, Overlay

_FORMATS: dict[str, PictureFormat] = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}


class ApplyError(MaskaugError):
    """The pictures cannot be written as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Applied:
    """What became of one picture.

    Attributes:
        picture: The input.
        output: The file written, or None.
        overlays: One for each face, largest first.
        problem: Why nothing was written, or None.
        warnings: What is odd about its file, though it could be read.
    """

    picture: Path
    output: Path | None
    overlays: tuple[Overlay, ...]
    problem: str | None
    warnings: tuple[str, ...] = ()


def apply(options: ApplyOptions) -> Iterator[Applied]:
    """Put masks on every face of each picture, and write the result beside it or where ``output`` says.

    What an engine or a library raises over one picture becomes its problem, and the others go on.

    Raises:
        ApplyError: no picture matches, or the output cannot take them.
        OptionError: the output is of a format that is not written.
        ModelError, PackError: a model or the pack cannot be used.
    """
    pictures = _expand(options.pictures)
    outputs = _outputs(pictures, options.output)
    engine, distribution = load_engine(options)
    for path, output in zip(pictures, outputs, strict=True):
        try:
            picture = read_picture(path)
            masked = _masked(path, picture, engine, distribution, options)
            data = encode_picture(masked.image, _FORMATS[output.suffix.lower()], options.jpeg_quality)
        except PictureError as error:
            yield Applied(path, None, (), str(error))
            continue
        except MaskaugError:  # of a model or the pack, whatever the picture
            raise
        except Exception as error:
            yield Applied(path, None, (), printable(f"{path} failed: {failure(error)}"))
            continue
        try:
            write_atomic(output, data, output.parent)
        except OSError as error:
            raise ApplyError(f"cannot write {output}: {error.strerror}") from error
        yield Applied(path, output, masked.overlays, None, picture.warnings)


def _masked(
    path: Path, picture: DecodedPicture, engine: MaskEngine, distribution: MaskDistribution, options: ApplyOptions
) -> MaskedPicture:
    """The picture with its masks; PictureError where it cannot get any."""
    rng = np.random.default_rng(copy_seed(options.seed, picture.sha256, 0))
    pixels, faces = picture.pixels, engine.find(picture.pixels)
    if not is_upright_known(faces):
        raise PictureError("face_not_upright", f"which way up the face in {path} is cannot be told; turn it upright")
    if options.auto_rotate:
        pixels, faces, _ = turned_upright(pixels, faces)
    if options.faces == "largest":
        faces = faces[:1]
    if not faces:
        raise PictureError("no_face", f"no face found in {path}")
    return mask_all(engine, pixels, faces, distribution, rng)


def _expand(patterns: list[str]) -> list[Path]:
    found = []
    for pattern in patterns:
        # A file's own name may look like a pattern: face[1].jpg
        matches = [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  takes absolute patterns
        if not matches:
            raise ApplyError(f"no picture matches {pattern!r}")
        found += [Path(match) for match in matches]
    return found


def _outputs(pictures: list[Path], output: Path | None) -> list[Path]:
    if output is not None and output.suffix.lower() in _FORMATS and not output.is_dir():
        if len(pictures) > 1:
            raise ApplyError(f"{len(pictures)} pictures cannot all be written to {output}; name a folder")
        if output.resolve() == pictures[0].resolve():
            raise ApplyError(f"{output} is the picture itself; choose another output")
        return [output]
    if output is not None and output.suffix and not output.is_dir():
        raise OptionError(f"--output {output} must end in .jpg or .png, or be a folder")
    outputs = [(output or path.parent) / f"{path.stem}_masked{_suffix(path)}" for path in pictures]
    if len(set(outputs)) < len(outputs):
        raise ApplyError("two pictures would be written to one file; name different outputs")
    return outputs


def _suffix(path: Path) -> str:
    return path.suffix if path.suffix.lower() in _FORMATS else ".png"
