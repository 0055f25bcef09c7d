/*
 * MONITOR_WARN is due: queue an event of type MONITOR_EVENT_SOFT with the limit, and
 * warn in the kernel log, in the words of the contract (pr_warn()).
 *
 * In:  due: bits; entry: id, nr (its PID), rss, soft, in bytes.
 */
