/*
 * Look at every entry once; come again (schedule_scan()) as long as there are any.
 *
 * measure(pid, pid_ns, &rss) gives the resident bytes of what an entry stands for, and
 * false where that has ended: then queue_event(entry, MONITOR_EVENT_GONE, 0) and
 * drop_entry(). act() does what monitor_policy() says is due. monitor_lock guards the
 * list; a long list must not keep the CPU (cond_resched()). last_scan_ns: how long it took.
 *
 * Until you do, nobody looks. (The casts keep the compiler from complaining of functions
 * that nobody calls yet.)
 */
(void)act;
(void)queue_event;
(void)drop_entry;
(void)schedule_scan;
(void)&entries;
