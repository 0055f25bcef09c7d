# Call capset(2) for this process: `permitted` becomes its permitted and its effective set, and
# the inheritable one is empty.
#
# In:  permitted: a bit for each capability, 64 of them. The call takes pointers to a header
#      (_LINUX_CAPABILITY_VERSION_3, PID 0) and to two triples of 32 bits, the low words first.
# Out: nothing. Errors: the OSError of the call (_check).
#
# Until you do, nothing is given up.
