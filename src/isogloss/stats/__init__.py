"""Arithmetic on numbers only: rates, intervals, worst language, paired gaps, separability."""
