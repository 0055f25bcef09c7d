"""What students handed in: finding it, unpacking it safely, and choosing what of it is graded.

Everything here treats a submission as hostile: it is read and never run on the host.
"""
