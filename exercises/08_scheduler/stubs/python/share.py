# Give the container's cgroup its share of the CPUs: record.nice (cpu.weight.nice), where it is
# not 0, and record.cpuset (cpuset.cpus), where it is not empty.
#
# In:  record; write(file, value) writes a file of the cgroup.
# Out: nothing; where a controller is missing (OSError), the rest is set all the same.
#
# Until you do, every cgroup has the same share.
