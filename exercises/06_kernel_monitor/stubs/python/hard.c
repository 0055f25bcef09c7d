/*
 * MONITOR_KILL is due: queue an event of type MONITOR_EVENT_HARD, say so in the kernel
 * log, in the words of the contract (pr_err()), and end the process with SIGKILL. Whoever
 * sees it die must find the reason waiting.
 *
 * In:  due: bits; entry: id, nr, rss, hard, in bytes; pid, a reference.
 */
