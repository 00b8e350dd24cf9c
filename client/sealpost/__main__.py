"""`python -m sealpost` is the `sealpost` command."""

import sys

from sealpost.cli import main

if __name__ == "__main__":
    sys.exit(main())
