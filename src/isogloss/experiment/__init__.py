"""The study of gates: methods side by side on the same prompts, as tables and figures. Importing this package loads no torch."""
