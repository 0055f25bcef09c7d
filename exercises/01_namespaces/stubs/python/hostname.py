# Set the hostname of this UTS namespace to spec.hostname.
#
# Out: nothing. Errors: the OSError of the call.
#
# Until you do, the container has the host's name.
