"""Measure a model's samples at several guidance scales, and choose one.

See ddpm/commands/measure/sweep.py.
"""

import sys

from ddpm.commands.measure.sweep import main

if __name__ == "__main__":
    sys.exit(main())
