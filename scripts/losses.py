"""The training loss of models on sprites that they never saw.

See ddpm/commands/measure/losses.py.
"""

import sys

from ddpm.commands.measure.losses import main

if __name__ == "__main__":
    sys.exit(main())
