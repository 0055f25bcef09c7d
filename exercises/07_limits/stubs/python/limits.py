# Have the container's memory limits held, by whom record.limits says: "monitor"
# (self.monitor.register), "cgroup" (cgroup.limit, then self.reaper.watch_memory(container), so
# that we hear of it), or "none". It has executed its program a moment ago, and may have ended.
#
# In:  container; record, cgroup: its own; record.soft_limit, record.hard_limit: bytes.
# Out: nothing; that it has ended already is no failure.
# Errors: EngineError where the limits cannot be set.
#
# Until you do, nobody holds them.
