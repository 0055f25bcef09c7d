/*
 * Find the entry that a request means: by the reference to its process; or, once that
 * was reaped and has no PID any more, by the number and the id that it had.
 *
 * In:  pid: a reference, or NULL; request: where its id is not empty, the entry's must be
 *      the same. monitor_lock is held.
 * Out: the entry, or NULL.
 */
return NULL;
