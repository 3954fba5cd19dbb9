"""Make a trained model ready to be passed on: one folder of half the size, in half precision, with its settings.

See ddpm/commands/publish.py.
"""

import sys

from ddpm.commands.publish import main

if __name__ == "__main__":
    sys.exit(main())
