# Record that a stop was asked for, before any signal is sent: whoever sees the end must find it.
#
# In:  registry, container; number: the signal that will ask; grace: seconds, or None.
#      settle(registry, container) waits until a start is over, one way or the other. Records
#      change only under registry.lock. registry.events.add("stop", id, signal=name, grace=grace).
# Out: whether there is anything to stop: true for one that runs.
#
# Until you do, nothing is recorded.
return True
