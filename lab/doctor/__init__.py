"""Looks at a host, or at a machine from inside, and says what is missing and how to get it."""
