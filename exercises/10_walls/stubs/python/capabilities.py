# Drop every capability that is not in CAPABILITY_MASK (a bit for each number) from the bounding
# set. How many there are, depends on the kernel: it refuses the first that it has not got.
#
# In:  sys.prctl(sys.PR_CAPBSET_DROP, number).
# Out: nothing.
#
# Until you do, a container may regain every capability that root has.
