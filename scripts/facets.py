"""Measure a model that takes tags: does it show those that are asked for, and vary in those left open?

See ddpm/commands/measure/facets.py.
"""

import sys

from ddpm.commands.measure.facets import main

if __name__ == "__main__":
    sys.exit(main())
