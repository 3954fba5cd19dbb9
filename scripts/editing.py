"""Measure what edit.py promises.

See ddpm/commands/measure/editing.py.
"""

import sys

from ddpm.commands.measure.editing import main

if __name__ == "__main__":
    sys.exit(main())
