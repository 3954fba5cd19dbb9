"""Measure a model's samples at several guidance scales, and choose one.

See ddpm/commands/sweep.py.
"""

import sys

from ddpm.commands.sweep import main

if __name__ == "__main__":
    sys.exit(main())
