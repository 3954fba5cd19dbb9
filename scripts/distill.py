"""Distil a trained model into a student that samples in few steps, with one prediction a step.

See ddpm/commands/distill.py.
"""

import sys

from ddpm.commands.distill import main

if __name__ == "__main__":
    sys.exit(main())
