/*
 * Take the entry that a request means out of the list, and say so in the kernel log.
 *
 * In:  request: its id may be empty. find_entry() finds, drop_entry() drops; both want
 *      monitor_lock to be held.
 * Out: 0. Errors: -ENOENT where there is none.
 *
 * Until you do, the command is not known.
 */
(void)find_entry;
return -ENOTTY;
