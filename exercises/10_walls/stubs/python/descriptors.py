# Let exec close every descriptor from `first` on, whoever opened it and however (close_range(2)).
#
# In:  first; SYS_close_range, CLOSE_RANGE_CLOEXEC; _syscall(number, arguments…).
# Out: nothing; they stay open until exec. Errors: the OSError of the call.
#
# Until you do, what the child inherited stays open in the container.
