"""Measure the default config on one CUDA GPU: training from nothing, 10,000 guided sprites, and the share of its peak.

See ddpm/commands/bench/gpu.py.
"""

import sys

from ddpm.commands.bench.gpu import main

if __name__ == "__main__":
    sys.exit(main())
