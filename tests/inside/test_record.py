"""The record is light: a report reads it on a machine without the model."""

import subprocess
import sys


def test_reading_a_diagnosis_does_not_load_torch() -> None:
    code = "import sys, isogloss.inside; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
