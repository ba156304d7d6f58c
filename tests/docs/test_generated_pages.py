"""Generated pages are what the generator would write now."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_generated_pages_have_not_drifted():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "generate_pages.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
