"""Sample sprites from a trained model: a labelled grid, and if asked the sprites themselves.

See ddpm/commands/sample.py.
"""

import sys

from ddpm.commands.sample import main

if __name__ == "__main__":
    sys.exit(main())
