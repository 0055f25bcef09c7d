# Enter what the monitor tells in the records of the containers that it is about.
#
# In:  self._monitor: None where no module is loaded; .read() gives the events that wait, each
#      with .kind "soft" or "hard". self._registry.all(): every container;
#      _is_about(event, container); self._enter(container, kind).
# Out: nothing. Does not block.
#
# Until you do, they are read and forgotten.
if self._monitor is not None:
    self._monitor.read()
