"""One graded machine, seen from the host: its observer, its kernel, and what is delivered into it."""
