"""The command line: options to parameters, printing and exit codes; the functions it calls do the work."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; exits 0 when all is done, 1 on a problem, 2 on wrong options, 130 on Ctrl-C."""
    try:
        from maskaug.cli.app import main as run  # noqa: PLC0415  takes a second, in which one may press Ctrl-C
    except KeyboardInterrupt:
        sys.exit(130)
    run()
