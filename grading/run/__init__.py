"""Running checks: one submission in a process of its own, a class in a pool of machines."""
