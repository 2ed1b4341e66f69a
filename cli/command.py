"""From an options model to a command's parameters, and back to what can be typed: each option is declared once."""

import inspect
import os
import re
import shlex
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from rich.markup import escape

from maskaug.cli.config_file import ConfigFileError, read_options_file
from maskaug.cli.console import INTERRUPTED, fail
from maskaug.cli.help import PANELS, panel_number
from maskaug.cli.logs import LOGGER, set_up
from maskaug.core.files import is_address, to_path
from maskaug.core.options import problem_of
from maskaug.core.version import __version__

_SHORTER = {"kinds": ["--kind"], "output": ["-o"]}
_CONFIG = "config"
_CONFIG_OPTION = typer.Option(
    None,
    "--config",
    help="File with options, YAML, TOML or JSON, such as the config.json of an earlier output; what is given besides "
    "counts more.",
    rich_help_panel="Configuration",
)
_QUIET = typer.Option(
    False, "--quiet", "-q", help="Nothing but problems on stderr.", metavar="", rich_help_panel="Messages"
)
_VERBOSE = typer.Option(
    False,
    "--verbose",
    "-v",
    help="Say more on stderr: all options, how long it took, and where in the program a problem arose.",
    metavar="",
    rich_help_panel="Messages",
)
_LOG_FILE = typer.Option(
    None,
    "--log-file",
    help="Append what --verbose says to this file, with times; results are not in it.",
    rich_help_panel="Messages",
)


class UsageError(Exception):
    """Options that do not check; the message names each."""


def command(
    model: type[BaseModel], run: Callable[[Any], None], stopped: Callable[[Any], str] | None = None
) -> Callable[..., None]:
    """A function for Typer: its parameters are the model's fields, and ``run`` gets the checked model.

    On Ctrl-C, ``stopped`` says of the model what was kept and what goes on; None: nothing was, and it begins again.

    Required fields become arguments, the others options; descriptions become their help. A field that can be left
    out is an argument all the same where its schema says ``{"argument": True}``; an underscore at the end of a name,
    as in ``json_``, is not part of the option's.
    """

    def parsed(context: typer.Context, quiet: bool, verbose: bool, log_file: Path | None, **values: object) -> None:
        if quiet and verbose:
            raise UsageError("--quiet and --verbose exclude each other; give one")
        set_up(quiet=quiet, verbose=verbose, file=log_file)
        # Only what was typed, so that the model knows what that was; what was not has the model's own default.
        sources = {name: context.get_parameter_source(name) for name in values}
        said = (name for name, source in sources.items() if source is not None and source.name != "DEFAULT")
        given = {name: values[name] for name in said if values[name] is not None}
        file = given.pop(_CONFIG, None)
        options = _checked(model, given, Path(str(file)) if file else None)
        started = time.monotonic()
        LOGGER.debug("maskaug %s: %s", __version__, typed(options))
        LOGGER.debug("all options: %s", options.model_dump_json())
        try:
            run(options)
            LOGGER.debug("done in %.1f s", time.monotonic() - started)
        except KeyboardInterrupt:
            kept = (stopped or begin_again)(options)
            if int(os.environ.get("RANK", "0")):  # of torchrun's processes, the first speaks
                sys.exit(INTERRUPTED)
            fail(f"stopped; {kept}", INTERRUPTED)

    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    # Panels of the help come in the order in which options first name them.
    ordered = sorted(model.model_fields.items(), key=lambda pair: panel_number(pair[0]))
    fields = (_parameter(name, field) for name, field in ordered)
    own = [
        _keyword(_CONFIG, Path | None, _CONFIG_OPTION),
        _keyword("quiet", bool, _QUIET),
        _keyword("verbose", bool, _VERBOSE),
        _keyword("log_file", Path | None, _LOG_FILE),
    ]
    parameters = [context, *fields, *own]
    parsed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    parsed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    # The lines of a paragraph are as long as the source's; a terminal's are not.
    paragraphs = inspect.cleandoc(run.__doc__ or "").split("\n\n")
    parsed.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return parsed


def _checked(model: type[BaseModel], given: dict[str, Any], file: Path | None) -> BaseModel:
    """The model of what was given and, where it was not, of what the file has."""
    try:
        stored = read_options_file(file, model.model_fields) if file else {}
    except ConfigFileError as error:
        raise UsageError(str(error)) from error
    try:
        options = model(**{**stored, **given})
    except ValidationError as error:
        told = "; ".join(_sentence(model, problem) for problem in error.errors())
        of_file = {
            str(problem["loc"][0]) for problem in error.errors() if problem["loc"]
        } & stored.keys() - given.keys()
        raise UsageError(f"{told} (as {file} has it)" if of_file else told) from error
    for name in model.model_fields:
        value = getattr(options, name)
        # An address that is taken is no `pathlib.Path` any more; the others would be folders called s3:.
        if isinstance(value, Path) and is_address(value):
            raise UsageError(
                f"{_called(model, name)}: {to_path(value)} is an address; name a place on this machine's disks"
            )
    return options


def begin_again(options: BaseModel) -> str:
    """What a command says that keeps nothing when it is stopped."""
    return f"nothing was written; begin again with: {typed(options)}"


def typed(options: BaseModel) -> str:
    """The command that has these options, as it can be typed in a POSIX shell: all that are not the default.

    Args:
        options: Of the command that its class is called after: ``TrainOptions`` of ``maskaug train``,
            ``DecisionsExportOptions`` of ``maskaug decisions export``.
    """
    names = re.findall("[A-Z][a-z]+", type(options).__name__.removesuffix("Options"))
    arguments, flags = list[str](), list[str]()
    for field_name, field in type(options).model_fields.items():
        value = getattr(options, field_name)
        if _is_argument(field):
            arguments += _words(value)
        elif value is True:
            flags.append(_flag(field_name))
        elif value != field.get_default(call_default_factory=True):
            several = value if isinstance(value, list) else [value]
            flags += [part for one in several for part in (_flag(field_name), *_words(one))]
    # A name that begins with a dash would be taken for an option.
    arguments = [f"./{word}" if word.startswith("-") else word for word in arguments]
    return shlex.join([*program(), *map(str.lower, names), *arguments, *flags])


def program() -> list[str]:
    """How maskaug was started: by itself, or by torchrun on several processes of this machine."""
    processes = os.environ.get("LOCAL_WORLD_SIZE", "1")
    if processes == "1":
        return ["maskaug"]
    return ["torchrun", "--nproc-per-node", processes, "-m", "maskaug"]


def _words(value: object) -> list[str]:
    """A value as a command line has it; :func:`_plain` says what is written as text."""
    if value is None:
        return []
    if isinstance(value, list):
        return [word for one in value for word in _words(one)]
    if isinstance(value, tuple):
        return [",".join(map(str, value))]
    if isinstance(value, dict):
        return [",".join(f"{name}={one}" for name, one in value.items())]
    return [str(value)]


def _is_argument(field: FieldInfo) -> bool:
    return field.is_required() or field.json_schema_extra == {"argument": True}


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    annotation, flags = _plain(field.annotation), [_flag(name)]
    described = escape(field.description or "")  # what it has in brackets is no markup
    if _is_argument(field):
        # Also what is required may stand in the file of --config: the model says what is missing.
        argument = typer.Argument(None, help=described, show_default=False, metavar=name.upper())
        return _keyword(name, annotation, argument)
    flags += _SHORTER.get(name, [])
    # What is written as text has its default in its description.
    default = None if field.default_factory or isinstance(field.default, dict) else field.default
    shown = default is not None and default is not False
    metavar = "" if default is False else _metavar(field.annotation)  # a flag takes no value: Typer would write <bool>
    option = typer.Option(
        default,
        *flags,
        help=described,
        show_default=shown,
        metavar=metavar,
        autocompletion=_completion(_choices(field.annotation)),
        rich_help_panel=PANELS.get(name),
    )
    return _keyword(name, annotation, option)


def _flag(name: str) -> str:
    return f"--{name.rstrip('_').replace('_', '-')}"


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _plain(annotation: Any) -> Any:  # noqa: ANN401
    """The type as Typer knows it: the model parses text, and says better what is wrong with it."""
    return str | None if any(_is_text(kind) for kind in _kinds(annotation)) else annotation


def _kinds(annotation: Any) -> list[Any]:  # noqa: ANN401
    """The types of a union, without what is said of them."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds]


def _is_text(kind: Any) -> bool:  # noqa: ANN401
    return kind in (int, float) or get_origin(kind) in (dict, tuple, Literal)


def _metavar(annotation: Any) -> str | None:  # noqa: ANN401
    """What stands for a value in the help; None: Typer knows."""
    if choices := _choices(annotation):
        return f"<{'|'.join(choices)}>"
    return next((f"<{kind.__name__}>" for kind in _kinds(annotation) if kind in (int, float)), None)


def _choices(annotation: Any) -> list[str]:  # noqa: ANN401
    return [str(one) for kind in _kinds(annotation) if get_origin(kind) is Literal for one in get_args(kind)]


def _completion(choices: list[str]) -> Callable[[str], list[str]] | None:
    """What the shell proposes for what has been typed; None: Typer knows."""

    def completed(incomplete: str) -> list[str]:
        return [one for one in choices if one.startswith(incomplete)]

    return completed if choices else None


def _sentence(model: type[BaseModel], problem: Any) -> str:  # noqa: ANN401
    if not problem["loc"]:
        return problem_of(problem)
    name = str(problem["loc"][0])
    if problem["type"] == "missing" and len(problem["loc"]) == 1:
        return f"{name.upper()} is missing; see -h"
    return f"{_called(model, name)}: {problem_of(problem)}"


def _called(model: type[BaseModel], name: str) -> str:
    """What the user calls a field: an argument or an option."""
    required = name in model.model_fields and model.model_fields[name].is_required()
    return name.upper() if required else _flag(name)
