"""Build the playground: a web page that runs a model in the browser, as files for any static host.

See ddpm/commands/files/export_web.py.
"""

import sys

from ddpm.commands.files.export_web import main

if __name__ == "__main__":
    sys.exit(main())
