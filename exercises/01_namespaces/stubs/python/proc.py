# Mount a /proc that shows this PID namespace: no set-user-ID, no devices, no programs from it.
# Then make the paths in READ_ONLY_PROC read-only (a bind mount of each on itself, then a
# remount of that), and lay /dev/null over the files in MASKED_PROC.
#
# In:  nothing; the folder /proc is there. sys.mount and sys.MS_* are those of mount(2).
# Out: nothing. Errors: the OSError of a call; but a path that this kernel has not got is left out.
#
# Until you do, /proc in the container is an empty folder.
