"""Tables of the documentation that are made from the program itself, so that they never go stale.

`tools/site_hooks.py` puts them in the place of ``<!-- table: NAME -->``. Each function returns Markdown.
"""

import html
import inspect
import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from rich.text import Text
from typer.models import ArgumentInfo, CommandInfo, OptionInfo

from maskaug.assets import standard_pack
from maskaug.cli.app import app
from maskaug.masktheface_wrapper import load_pack
from maskaug.masktheface_wrapper.occluders import OCCLUDERS
from maskaug.review_ui.view.actions import ACTIONS
from maskaug.train import RECIPES, Recipe
from maskaug.train.corruptions import CORRUPTIONS, SPATIAL, corruption_names

ROOT = Path(__file__).resolve().parents[1]


def commands() -> list[str]:
    """Names of all commands, in the order of ``maskaug --help``."""
    return [str(command.name) for command in app.registered_commands]


def _groups() -> dict[str, list[CommandInfo]]:
    groups = ((str(group.name), group.typer_instance) for group in app.registered_groups)
    return {name: group.registered_commands for name, group in groups if group is not None}


def grouped() -> dict[str, list[str]]:
    """Names of the commands in each group of commands."""
    return {name: [str(command.name) for command in several] for name, several in _groups().items()}


def options_table(*names: str) -> str:
    """Arguments and options of a command, with choices, defaults and help, as ``maskaug NAMES --help`` has them."""
    several = _groups()[names[0]] if len(names) > 1 else app.registered_commands
    (callback,) = (one.callback for one in several if one.name == names[-1])
    arguments, options = list[Sequence[str]](), list[Sequence[str]]()
    for parameter in inspect.signature(callback).parameters.values():  # type: ignore[arg-type]
        told = parameter.default
        if isinstance(told, ArgumentInfo):
            words = [f"`{told.metavar}`"]
        elif isinstance(told, OptionInfo):
            words = [", ".join(f"`{flag}`" for flag in told.param_decls or ())]
        else:  # Typer's own context
            continue
        words += [f"`{choice}`" for choice in _choices(told.metavar)]
        default = f"`{told.default}`" if told.show_default and told.default is not None else ""
        row = (" ".join(words), default, Text.from_markup(told.help or "").plain)
        (arguments if isinstance(told, ArgumentInfo) else options).append(row)
    return _table(("option", "default", "what"), [*arguments, *options])


def recipes_table() -> str:
    """Every field of a recipe: its value in each recipe, and what it means."""
    rows = []
    for name, field in Recipe.model_fields.items():
        values = [_value(getattr(recipe, name)) for recipe in RECIPES.values()]
        rows.append((f"`{name}`", *values, field.description or ""))
    return _table(("field", *(f"`{name}`" for name in RECIPES), "what"), rows)


def keys_table() -> str:
    """What the keys of the review do."""
    rows = [
        (" ".join(f"++{key}++" for key in _key_names(action.keys)), action.help or action.name, f"`{action.name}`")
        for action in ACTIONS.values()
    ]
    return _table(("key", "what it does", "name in a key file"), rows)


def templates_table() -> str:
    """Kinds of mask of the standard pack, with their templates."""
    pack = load_pack(standard_pack())
    rows = [(f"`{kind}`", ", ".join(f"`{one.name}`" for one in pack.of_kind(kind))) for kind in pack.kinds]
    return _table(("kind", "templates"), rows)


def occluders_table() -> str:
    """Kinds of occluder, their styles, and how often each is sampled where nothing is said."""
    rows = [
        (f"`{name}`", ", ".join(f"`{style}`" for style in spec.styles if style), f"{spec.often:g}")
        for name, spec in OCCLUDERS.items()
    ]
    return _table(("kind", "styles", "weight"), rows)


def corruptions_table() -> str:
    """Corruptions in the order in which they are applied."""
    rows = [(f"`{name}`", "moves the frame") for name in SPATIAL]
    rows += [(f"`{name}`", f"{one.probability:g}") for name, one in CORRUPTIONS.items()]
    return _table(("corruption", "probability"), rows)


def extras_table() -> str:
    """The README's table of extras."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| extra |"))
    return "\n".join(itertools.takewhile(lambda line: line.startswith("|"), lines[start:]))


TABLES: dict[str, Callable[..., str]] = {
    "extras": extras_table,
    "options": options_table,
    "recipes": recipes_table,
    "keys": keys_table,
    "templates": templates_table,
    "occluders": occluders_table,
    "corruptions": corruptions_table,
}


def _choices(metavar: str | None) -> list[str]:
    """Those of an option, as the command line's help has them: ``<auto|fp32|bf16>``."""
    return metavar.strip("<>").split("|") if metavar and "|" in metavar else []


def _value(value: object) -> str:
    if value == corruption_names():
        return "`all`"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"`{text or 'none'}`"


def _key_names(keys: Sequence[str]) -> list[str]:
    """Keys as the extension ``pymdownx.keys`` writes them."""
    named = {"?": '"?"', "left": "arrow-left", "right": "arrow-right", "up": "arrow-up", "down": "arrow-down"}
    return [named.get(key, key) for key in keys]


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return html.escape(text, quote=False).replace("|", "\\|")
