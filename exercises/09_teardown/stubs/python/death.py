# Ask the kernel to send SIGKILL to this process when its parent dies.
#
# In:  sys.prctl(option, value) is prctl(2); its constants are in syscalls.py.
# Out: nothing. Errors: the OSError of the call.
#
# Until you do, containers outlive a supervisor that was killed.
