# Give this process the nice value spec.nice, -20 to 19; what it forks inherits it.
#
# Out: nothing. Errors: the OSError of the call.
#
# Until you do, everybody is equal.
