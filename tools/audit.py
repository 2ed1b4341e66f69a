"""Ask pip-audit whether a pinned package is known to be vulnerable: ``python tools/audit.py``; needs a network.

Exit 0: of all that could be looked up, none is; 1: some are; 2: nothing could be looked up.
"""

import json
import subprocess
import sys
from pathlib import Path

HASHED = Path(__file__).resolve().parents[1] / "requirements-hashed.lock"


def main() -> int:
    """Print what is vulnerable, and how many packages were looked up."""
    command = ["pip_audit", "--progress-spinner", "off", "--disable-pip", "--no-deps", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--requirement", str(HASHED)], capture_output=True, text=True, check=False
    )
    return report(done.stdout, done.stderr)


def report(answer: str, complaints: str) -> int:
    """Say what pip-audit found.

    Args:
        answer: Its JSON; empty where it failed.
        complaints: What it wrote to standard error.
    """
    packages = json.loads(answer)["dependencies"] if answer.strip() else []
    known = [package for package in packages if "skip_reason" not in package]
    if not known:
        why = "pip-audit has an answer for none of them" if packages else complaints.strip().splitlines()[-1]
        print(f"no package could be looked up ({why}); run `make audit` where there is a network")
        return 2
    found = [(package, flaw) for package in known for flaw in package["vulns"]]
    for package, flaw in found:
        mended = ", ".join(flaw["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {flaw['id']}, mended in {mended}")
    print(f"{len(known)} of {len(packages)} packages were looked up, {len(found)} flaws found")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
