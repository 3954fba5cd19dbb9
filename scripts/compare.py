"""Put runs, forms of guidance, samplers and scales side by side, all from the same noise.

See ddpm/commands/measure/compare.py.
"""

import sys

from ddpm.commands.measure.compare import main

if __name__ == "__main__":
    sys.exit(main())
