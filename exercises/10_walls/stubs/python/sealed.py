# Copy the file into memory (memfd_create(2)), and seal the copy, so that nobody can write to it,
# make it longer or shorter, or take the seals off (fcntl(2), F_ADD_SEALS).
#
# In:  path. os.sendfile copies without a detour; it may copy less than it was asked for.
# Out: return a descriptor of the copy, closed by exec. Errors: the OSError of a call.
#
# Until you do, the file itself is used, which root in a container might then reach.
return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
