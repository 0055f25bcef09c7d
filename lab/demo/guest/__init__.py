"""Programs that a demonstration runs in the guest: one file each, standard library only.

Each prints one JSON object a line. They measure what must be measured on the spot: over
SSH a look takes a tenth of a second, which is longer than what is looked at.
"""
