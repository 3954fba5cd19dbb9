"""Redraw the shipped sprite set, or draw any number of other sprites.

See ddpm/commands/make_sprites.py.
"""

import sys

from ddpm.commands.make_sprites import main

if __name__ == "__main__":
    sys.exit(main())
