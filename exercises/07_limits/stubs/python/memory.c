/*
 * Add up the resident bytes of every process that can be seen in this namespace.
 *
 * In:  pid_ns; its table pid_ns->idr holds all PIDs, also those of threads:
 *      idr_get_next() of linux/idr.h goes through it, pid_task(pid, PIDTYPE_TGID) gives
 *      the process, or NULL for a thread. process_rss() has the bytes of one.
 * Out: bytes. RCU's read lock is held: nothing here may sleep.
 *
 * Until you do, the first process counts, and no other.
 */
return process_rss(pid_ns->child_reaper);
