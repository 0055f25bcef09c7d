/*
 * Tell whether the monitor killed this container. Before it kills, it says so in the kernel
 * log; container->kernel_log is a bookmark from before the container was registered. One
 * read(2) of it gives one record (see the kernel's Documentation/ABI/testing/dev-kmsg):
 * "PRIORITY,…;TEXT\n". Only the kernel's own count: PRIORITY >> 3 is 0.
 *
 * In:  container: ->id, ->pid; ->kernel_log, -1 where nobody watches.
 * Out: whether there is a HARD LIMIT line about it. Does not block: EAGAIN is the end, EPIPE
 *      means that some were overwritten.
 *
 * Until you do, nobody was killed by the monitor.
 */
(void)container;
return false;
