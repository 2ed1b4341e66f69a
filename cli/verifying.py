"""The command line of verifying: printing and exit codes."""

import json

import typer

from maskaug.augment.verify.options import VerifyOptions
from maskaug.augment.verify.verify import told, verify
from maskaug.cli.command import command
from maskaug.cli.console import PROBLEM, out


def _verify(options: VerifyOptions) -> None:
    """Whether every file of an output still is what was recorded of it: missing, altered and extra ones are named.

    DST is an output of generate, whose manifest has the SHA-256 of each picture, of curate or of train, whose
    checksums.txt has them. Exit 0: all is there as it was written; 1: it is not, or not finished; 2: DST is no output.
    """
    found = verify(options)
    if options.json_:
        out.print_json(json.dumps(found.as_json()))
    else:
        for line in told(found):
            out.print(line, highlight=False, soft_wrap=True, markup=False)
    if not found.is_whole:
        raise typer.Exit(PROBLEM)


verifying = {"verify": command(VerifyOptions, _verify, lambda _: "nothing was changed")}
