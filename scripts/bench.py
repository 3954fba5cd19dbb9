"""Compare this project with libraries of its kind, side by side on this machine's CPU.

See ddpm/commands/bench/race.py.
"""

import sys

from ddpm.commands.bench.race import main

if __name__ == "__main__":
    sys.exit(main())
