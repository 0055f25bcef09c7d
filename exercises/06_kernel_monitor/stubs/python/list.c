/*
 * Enter a process into the list `entries`, say so in the kernel log, and have the
 * list looked at (schedule_scan()).
 *
 * In:  new: filled in; new->pid is a reference to the process. monitor_lock is held.
 * Out: 0; from then on the entry is the list's.
 * Errors: -EEXIST where that process is in it already.
 *
 * Until you do, nothing is entered.
 */
return -ENOTTY;
