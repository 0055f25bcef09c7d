# Wait for one of STOP_SIGNALS, which are blocked in every thread (sigwait(3)); then end in order:
# take no more requests (control.close()), stop everything (engine.shut_down()), let the last
# answers be taken (control.join()); say() what is being done.
#
# Out: nothing; the program then exits with 0.
#
# Until you do, a signal ends the supervisor at once, and it leaves everything behind.
signal.sigwait(STOP_SIGNALS)
os._exit(1)
