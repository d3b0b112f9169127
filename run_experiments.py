"""The door: parses the command line, validates, and hands over. TensorFlow is imported only when work starts."""

from __future__ import annotations

import sys

from tff_health.experiments.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
