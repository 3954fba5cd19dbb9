"""Change sprites: vary, paint anew, go between, tile, recolour.

See ddpm/commands/edit.py.
"""

import sys

from ddpm.commands.edit import main

if __name__ == "__main__":
    sys.exit(main())
