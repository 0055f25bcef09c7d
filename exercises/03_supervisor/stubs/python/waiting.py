# Wait for a child that has ended, so that it is no zombie any more, and tell how it ended.
#
# In:  pidfd: of the child (waitid(2), P_PIDFD).
# Out: ExitStatus(code=…) where it exited, ExitStatus(signal=…) where a signal ended it.
# Errors: the OSError of the call.
#
# Until you do, everything ended well.
return ExitStatus(code=0)
