"""Annotations held against a scanned folder: what is no picture, and what is missing."""

from dataclasses import replace

from maskaug.augment.generate.annotations.known import Annotations
from maskaug.augment.generate.annotations.registry import AnnotationError
from maskaug.augment.generate.scan import Scan
from maskaug.core.containers import Problem
from maskaug.core.files import is_address
from maskaug.core.text import printable


def annotated_sources(found: Scan, annotations: Annotations) -> Scan:
    """A scan without the annotations' own files, and with a problem for every picture that they name and SRC lacks.

    Args:
        found: The scan.
        annotations: The annotations.

    Raises:
        AnnotationError: they fit no picture, or one fits several, or the other way round.
    """
    own = annotations.files  # on this machine's disks
    sources = tuple(one for one in found.sources if is_address(one.root) or one.path.resolve() not in own)
    by_name: dict[str, str] = {}
    for source in sources:
        name = annotations.name_of(source.relative)
        if name is None:
            continue
        if name in by_name:
            raise AnnotationError(
                f"annotations of {name} in {annotations.names[name].told_in} fit two pictures, {by_name[name]} and "
                f"{source.relative}; rename one of them and its annotations"
            )
        by_name[name] = source.relative
    names = annotations.names
    if names and not by_name:
        has = sources[0].relative if sources else "nothing but annotations"
        raise AnnotationError(
            f"annotations {annotations.source} fit no picture of SRC: they are of {printable(next(iter(names)))}, "
            f"and SRC has {has}; the paths must end alike"
        )
    missing = tuple(
        Problem(printable(name), "picture_missing", printable(f"{marked.told_in} tells of {name}, which SRC lacks"))
        for name, marked in names.items()
        if name not in by_name
    )
    problems = sorted((*found.problems, *missing), key=lambda problem: problem.relative)
    return replace(found, sources=sources, problems=tuple(problems))
