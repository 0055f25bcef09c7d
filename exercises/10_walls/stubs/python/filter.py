# Make the filter: a list of statements, which the kernel goes through before each system call.
# Refuse (EPERM) every call of another architecture than this one, and of x32; the numbers in
# `refused`; and a clone() with one of the flags NAMESPACES. To clone3() say that there is no
# such call (ENOSYS): its flags lie behind a pointer, which no filter can follow. Allow the rest.
#
# In:  architecture, clone, refused; load, if_equal, if_any_bit, refuse, allow make a statement;
#      ARCHITECTURE, NUMBER, FIRST_ARGUMENT say what to load.
# Out: return the list. Errors: none; of a wrong program the kernel says EINVAL, and no container starts.
#
# Until you do, every call is there.
return [allow()]
