# Let nobody who comes from here gain privileges by executing a program (no_new_privs), and
# empty the set of ambient capabilities.
#
# In:  sys.prctl(option, value) is prctl(2); its constants are in syscalls.py.
# Out: nothing. Errors: the OSError of a call.
#
# Until you do, a set-user-ID program in a container works as it does on the host.
