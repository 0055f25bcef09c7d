# Make a process in new PID, mount, UTS and IPC namespaces, as a child of the supervisor (not
# of this process: CLONE_PARENT), born in `cgroup` where there is one.
#
# In:  spec, stdout, stderr, barrier, errors: what `become` is to be given, in the new process;
#      it never returns there. cgroup: a list of one descriptor, or empty.
#      sys.clone3(flags, *cgroup) gives (PID, pidfd) here, (0, -1) in the new process.
# Out: return (the answer, the pidfd). The answer is marshal.dumps((PID, errno, text)): errno 0
#      and an empty text where it worked; PID 0 and a pidfd of -1 where the kernel refused.
#
# Until you do, no process is made.
return marshal.dumps((0, 38, "no process is made yet: region 01.flags")), -1
