# A container has ended. Take it out of what is waited for, hear what the monitor had to say
# (self._hear(), and self._ask_cgroup(container) where the cgroup holds its limits and SIGKILL
# ended it), wait for it, record its end, tell whoever waits, and give back what it held.
#
# In:  pidfd: of its first process, which is a zombie by now. self._containers: by pidfd.
#      _wait(pidfd) gives its ExitStatus; record.finish(status, when) enters it.
#      container.executed: None until somebody has looked (has_executed(PID), before the wait).
#      Events: self._registry.announce(container), self._registry.events.add("exit", record.id,
#      **describe_end(record)), for one that was ever more than an attempt.
#      container.exited, self._registry.changed, container.changed(): who waits. Records change
#      only under self._registry.lock.
#      container.detach(), self._forget_memory(container), _remove_cgroup(container): what it
#      held; a cgroup that is still busy goes into self._busy.
# Out: nothing. Never waits for a log or a client.
#
# Until you do, nobody waits for it: it stays a zombie, and `ps` does not hear of its end.
self._poll.unregister(self._containers.pop(pidfd).pidfd)
