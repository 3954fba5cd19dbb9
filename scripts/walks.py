"""Measure a model of clips beside real cycles never trained on: do its walks walk, and stay one and the same?

See ddpm/commands/measure/walks.py.
"""

import sys

from ddpm.commands.measure.walks import main

if __name__ == "__main__":
    sys.exit(main())
