"""What goes in and out: run folders to and from the formats of other projects, tables and figures.

Inspect logs and tasks (`inspect_write`, `inspect_read`, `inspect_task`), lm-eval tasks and sample files (`lm_eval`),
CSV and Parquet (`tables`), SVG and PNG (`figures`). The modules named after Inspect need the extra
``isogloss[inspect]`` and say so when they are imported without it; importing this package loads none of them.
"""

from isogloss.exchange.columns import Columns
from isogloss.exchange.imported import ImportedRun, write_imported
from isogloss.exchange.rows import RunRow, iterate_rows
from isogloss.exchange.tables import write_tables

__all__ = ["Columns", "ImportedRun", "RunRow", "iterate_rows", "write_imported", "write_tables"]
