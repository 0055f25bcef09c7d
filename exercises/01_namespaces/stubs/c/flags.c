/*
 * Make the container's first process: in new PID, mount, UTS and IPC namespaces, born in
 * its cgroup where it has one (clone3(2)).
 *
 * In:  child: what child_become() is to be given, in the new process; it never returns.
 *      cgroup: a descriptor of the folder of its cgroup, or -1.
 *      The kernel writes the pidfd where .pidfd points: that is &container->end.fd.
 *      .exit_signal is SIGCHLD.
 * Out: container->pid, container->end.fd. Errors: container->pid is -1, errno says why.
 *
 * Until you do, no process is made.
 */
(void)child;
container->pid = -1;
errno = ENOSYS;
