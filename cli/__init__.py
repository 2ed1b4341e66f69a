"""The command line: options to parameters, printing and exit codes; the functions it calls do the work."""

from maskaug.cli.app import main

__all__ = ["main"]
