"""Experiments of exercises 07 and 08: run in a lab VM, repeated, kept as CSV, drawn, compared."""
