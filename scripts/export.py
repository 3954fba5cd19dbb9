"""Write sprites as files that engines and art programs open.

See ddpm/commands/files/export.py.
"""

import sys

from ddpm.commands.files.export import main

if __name__ == "__main__":
    sys.exit(main())
