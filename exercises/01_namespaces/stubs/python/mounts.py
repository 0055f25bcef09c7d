# Let no mount or unmount from here on reach the host, in the whole tree of mounts.
#
# In:  nothing; this is a mount namespace of our own, whose mounts are still tied to the host's.
#      sys.mount(source, target, kind, flags) is mount(2).
# Out: nothing. Errors: the OSError of the call.
#
# Until you do, what is mounted below appears on the host, too.
