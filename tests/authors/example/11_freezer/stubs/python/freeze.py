# Let every process of the container stand still, and wait until they do.
#
# In:  cgroup: write(file, value) writes a file of it, open(file, flags) gives a descriptor.
#      _await_frozen(descriptor of cgroup.events, record): whether they stand still within PATIENCE seconds.
# Out: frozen: whether all of it stands still. Errors: OSError of a file is passed on.
#
# Until you do, nobody stands still, and `pause` says that they do.
frozen = True
