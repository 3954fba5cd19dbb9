"""Train on a folder of sprites.

See ddpm/commands/train.py.
"""

import sys

from ddpm.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
