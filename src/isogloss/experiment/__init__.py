"""The study of gates: methods side by side on the same prompts. Importing this package loads no torch."""
