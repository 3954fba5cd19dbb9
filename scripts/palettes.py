"""Compare ways to bring a model's sprites to few colours, all from the same noise.

See ddpm/commands/measure/palettes.py.
"""

import sys

from ddpm.commands.measure.palettes import main

if __name__ == "__main__":
    sys.exit(main())
