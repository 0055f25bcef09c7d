"""The engine's supervisor: one process that starts containers, reaps them and answers clients.

Standard library only. `__main__` is where it begins; README.md, one folder up, is the map.
"""
