"""The command line of recipes: which there are, and what their fields are and mean."""

import itertools
import json
from collections.abc import Sequence

import typer
from rich.markup import escape
from rich.table import Table

from maskaug.cli.console import WRONG_OPTION, fail, out
from maskaug.train.model.recipes import RECIPES, Recipe

recipes = typer.Typer(
    help="What training does: the recipes, and the fields that train --set changes.", no_args_is_help=True
)


@recipes.command("list")
def _list() -> None:
    """The recipes, by name."""
    for name, recipe in RECIPES.items():
        said = f"{name}: {recipe.arch}, {recipe.size} pixels, {recipe.epochs} epochs, {recipe.optimizer}"
        out.print(said, highlight=False, soft_wrap=True, markup=False)


@recipes.command("show", epilog="Example: maskaug recipe show robust")
def _show(
    name: str = typer.Argument(..., help="Of the recipe.", show_default=False),
    json_: bool = typer.Option(False, "--json", help="Print it as JSON.", metavar=""),
) -> None:
    """All fields of a recipe with their values; each can be changed by train --set FIELD=VALUE."""
    recipe = {str(one): recipe for one, recipe in RECIPES.items()}.get(name)
    if recipe is None:
        fail(f"there is no recipe {name!r}; there are {', '.join(RECIPES)}", WRONG_OPTION)
    values = recipe.model_dump(mode="json")
    if json_:
        out.print_json(json.dumps(values))
        return
    table = Table(box=None, pad_edge=False)
    for title in ("field", name, "meaning"):
        table.add_column(title, overflow="fold")
    for field, about in Recipe.model_fields.items():
        value = values[field]
        told = ",".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
        table.add_row(field, escape(told), escape(about.description or ""))
    out.print(table)


def lists_fields(words: Sequence[str]) -> bool:
    """Print the fields of a recipe, with their help, where a command line has ``--set`` without saying what to set.

    Args:
        words: What was typed after ``maskaug``.

    Returns:
        Whether it was so.
    """
    if words[:1] not in (["train"], ["ablate"]):
        return False
    ahead = [*words[1:], "-"]
    if not any(word == "--set" and after.startswith("-") for word, after in itertools.pairwise(ahead)):
        return False
    named = [after for word, after in itertools.pairwise(ahead) if word == "--recipe"]
    named += [word.partition("=")[2] for word in words if word.startswith("--recipe=")]
    _show(named[-1] if named else "report", json_=False)
    out.print("change one with: --set FIELD=VALUE", highlight=False)
    return True
