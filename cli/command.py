"""From an options model to a command's parameters: each option is declared once, in the model."""

import inspect
import types
from collections.abc import Callable
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from rich.markup import escape

_SHORTER = {"kinds": ["--kind"], "output": ["-o"]}


class UsageError(Exception):
    """Options that do not check; the message names each."""


def command(model: type[BaseModel], run: Callable[[Any], None]) -> Callable[..., None]:
    """A function for Typer: its parameters are the model's fields, and ``run`` gets the checked model.

    Required fields become arguments, the others options; descriptions become their help. A field that can be left
    out is an argument all the same where its schema says ``{"argument": True}``; an underscore at the end of a name,
    as in ``json_``, is not part of the option's.
    """

    def parsed(**values: object) -> None:
        given = {name: value for name, value in values.items() if value is not None}
        try:
            options = model(**given)
        except ValidationError as error:
            raise UsageError("; ".join(_sentence(model, problem) for problem in error.errors())) from error
        run(options)

    parameters = [_parameter(name, field) for name, field in model.model_fields.items()]
    parsed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    parsed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    # The lines of a paragraph are as long as the source's; a terminal's are not.
    paragraphs = inspect.cleandoc(run.__doc__ or "").split("\n\n")
    parsed.__doc__ = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
    return parsed


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    annotation, flags = _plain(field.annotation), [_flag(name)]
    described = escape(field.description or "")  # what it has in brackets is no markup
    if field.is_required() or field.json_schema_extra == {"argument": True}:
        default = ... if field.is_required() else None
        argument = typer.Argument(default, help=described, show_default=False, metavar=name.upper())
        return _keyword(name, annotation, argument)
    flags += _SHORTER.get(name, [])
    # What is written as text has its default in its description.
    default = None if field.default_factory or isinstance(field.default, dict) else field.default
    shown = default is not None and default is not False
    metavar = "" if default is False else None  # a flag takes no value, though Typer would write <bool>
    option = typer.Option(default, *flags, help=described, show_default=shown, metavar=metavar)
    return _keyword(name, annotation, option)


def _flag(name: str) -> str:
    return f"--{name.rstrip('_').replace('_', '-')}"


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _plain(annotation: Any) -> Any:  # noqa: ANN401
    """The type as Typer knows it: mappings and tuples are written as text, which the model parses."""
    choices = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    bare = [get_args(choice)[0] if get_origin(choice) is Annotated else choice for choice in choices]
    return str | None if any(get_origin(choice) in (dict, tuple) for choice in bare) else annotation


def _sentence(model: type[BaseModel], problem: Any) -> str:  # noqa: ANN401
    message = str(problem["msg"]).removeprefix("Value error, ")
    if not problem["loc"]:
        return message
    name = str(problem["loc"][0])
    required = name in model.model_fields and model.model_fields[name].is_required()
    return f"{name.upper() if required else _flag(name)}: {message}"
