# Tell the monitor of a container: MONITOR_REGISTER with version 1 of its interface,
# MONITOR_REGISTER_V2 with version 2 (kernel/monitor_ioctl.h has the structures).
#
# In:  identifier, pid; soft, hard: bytes. self.version; self._device: the open device.
#      REGISTER, REGISTER_V2: the commands; _REQUEST_V1, _REQUEST_V2: their structures (struct.Struct).
# Out: nothing.
# Errors: ProcessLookupError (ESRCH) where it has ended; EngineError for every other refusal, in
#      words (_REFUSALS).
#
# Until you do, the monitor does not hear of it.
