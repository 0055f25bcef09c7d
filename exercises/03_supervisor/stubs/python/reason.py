# Judge why a container ended, by the contract's table.
#
# In:  status: code or signal of its PID 1; stop_requested; hard_limit_hit.
# Out: "exited", "stopped", "hard_limit_killed" or "killed".
#
# Until you do, everything has exited.
return "exited"
