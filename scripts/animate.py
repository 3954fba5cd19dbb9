"""Sample walks and other cycles: from tags, or from frames of your own.

See ddpm/commands/animate.py.
"""

import sys

from ddpm.commands.animate import main

if __name__ == "__main__":
    sys.exit(main())
