"""Types of options that several commands have."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from maskaug.core.text import printable


def _check_text(path: Path) -> Path:
    # Neither JSON nor Arrow can hold a name that is no text.
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{printable(os.fspath(path))} is not valid UTF-8; rename the folder") from error
    return path


Folder = Annotated[Path, AfterValidator(_check_text)]
