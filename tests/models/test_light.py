"""Models that hold no weights load without torch."""

import subprocess
import sys


def test_importing_the_room_loads_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, isogloss.models; "
        "print([name for name in ('torch', 'transformers', 'tokenizers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
