# Refuse a container whose id is another's that has not ended, or whose rootfs is.
#
# In:  identifier: the id that is asked for; container: the new one. The lock is held.
#      self._containers: all containers by id; _check_sharing(container, other) raises where
#      the two would share a rootfs.
# Out: `old`: the container that had this id before, or None; the lines below replace it.
# Errors: EngineError(what, what to do).
#
# Until you do, everybody comes in.
old = self._containers.get(identifier)
