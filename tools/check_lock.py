"""Check that requirements-dev.lock pins what pyproject.toml asks for: ``python tools/check_lock.py``; no network.

`make lock` writes the lock. This check fails when pyproject.toml asks for something that the lock lacks, on any
supported Python and platform; and when requirements-hashed.lock, which `make locked` installs, pins others or lacks a
hash.
"""

import itertools
import sys
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
# sys_platform, platform_system, platform_machine
PLATFORMS = [
    ("linux", "Linux", "x86_64"),
    ("linux", "Linux", "aarch64"),
    ("darwin", "Darwin", "arm64"),
    ("win32", "Windows", "AMD64"),
]


def wanted(project: dict[str, Any], extra: str | None = None) -> list[Requirement]:
    """The project's own requirements and those of an extra, with the extras that it names in turn."""
    listed = project["optional-dependencies"][extra] if extra else project["dependencies"]
    found = []
    for requirement in map(Requirement, listed):
        if requirement.name == project["name"]:
            for inner in sorted(requirement.extras):
                found += wanted(project, inner)
        else:
            found.append(requirement)
    return found


def holds(requirement: Requirement, environment: dict[str, str]) -> bool:
    """Whether the requirement counts in an environment."""
    return requirement.marker is None or requirement.marker.evaluate(environment)


def complaints(requirements: list[Requirement], pins: list[Requirement]) -> list[str]:
    """What the lock lacks, a line for each requirement and environment."""
    found = []
    for python, (platform, system, machine) in itertools.product(PYTHONS, PLATFORMS):
        environment = {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "sys_platform": platform,
            "platform_system": system,
            "platform_machine": machine,
        }
        pinned = {canonicalize_name(pin.name): pin for pin in pins if holds(pin, environment)}
        for requirement in requirements:
            pin = pinned.get(canonicalize_name(requirement.name))
            where = f"on Python {python}, {platform}, {machine}"
            if not holds(requirement, environment):
                continue
            if pin is None:
                found.append(f"{requirement} is not in the lock {where}")
            elif not requirement.specifier.contains(str(pin.specifier).removeprefix("=="), prereleases=True):
                found.append(f"{requirement} is not met by {pin.name}{pin.specifier} {where}")
    return found


def differences(pins: list[Requirement], hashed: list[str]) -> list[str]:
    """What the lock with hashes has otherwise, and what it has without a hash."""
    found = [f"{line} has no hash" for line in hashed if "--hash=sha256:" not in line]
    own = {str(Requirement(line.partition("--hash")[0].strip())) for line in hashed}
    found += [f"{line} is in one lock only" for line in sorted(own ^ {str(pin) for pin in pins})]
    return found


def main() -> int:
    """Print what is wrong; 1 if anything is."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    # A lock with an address works only where that address can be reached.
    found = [f"{pin.name} names an address" for pin in pins if pin.url]
    found += complaints(wanted(project) + wanted(project, "dev"), pins)
    hashed = (ROOT / "requirements-hashed.lock").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    found += differences(pins, [line for line in hashed if line and not line.startswith("#")])
    for line in found:
        print(line)
    if found:
        print("Run `make lock`.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
