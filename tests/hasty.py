"""Run a script whose judges learn in a few steps, for tests that do not hang on what these find: hasty.py SCRIPT ..."""

import runpy
import sys

import ddpm.evaluation.classifier

ddpm.evaluation.classifier.STEPS_MIN = 20
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
