"""Make a set of sprites that can be trained on of sheets, animations, Aseprite's files and archives.

See ddpm/commands/files/prepare.py.
"""

import sys

from ddpm.commands.files.prepare import main

if __name__ == "__main__":
    sys.exit(main())
