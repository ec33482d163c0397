"""The door of `python3 -m deploy.local`: goes on in a Python that is new enough."""

from __future__ import annotations

import os
import sys

from deploy.local import pythons


def main() -> int:
    if not pythons.supported(sys.version_info[:2]):
        python = pythons.best()
        if python is None:
            sys.stderr.write("parley: " + pythons.why_none() + "\n")
            return 1
        os.execv(python, [python, "-m", "deploy.local", *sys.argv[1:]])  # noqa: S606
    from deploy.local import cli  # its syntax is too new for the Pythons that end above

    return cli.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
