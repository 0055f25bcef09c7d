# Take a lock on the folder that the kernel lets go of when we end, however that is (flock(2)),
# and do not wait for it.
#
# In:  lock: a descriptor of the folder where.folder.
# Out: nothing; `lock` stays open, and holds it.
# Errors: EngineError where another supervisor has it; `lock` is closed then.
#
# Until you do, a second supervisor takes the socket away from the first.
