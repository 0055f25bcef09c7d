/*
 * Tell the monitor of a container: open DEVICE, then ioctl(2) with MONITOR_REGISTER
 * (kernel/monitor_ioctl.h has the structure). The device stays open as long as the
 * container is watched: an entry goes away with the file that made it. Before it is
 * registered, put a bookmark at the end of the kernel log (/dev/kmsg, lseek(2)): what comes
 * behind it says whom the monitor kills.
 *
 * In:  container: ->pid, ->id; ->soft_mib, ->hard_mib: MiB; the monitor wants bytes.
 * Out: 0, also where there is no monitor, or the container has ended already (ESRCH).
 *      ->monitor, ->kernel_log: the two descriptors, -1 where there is none. Both are closed
 *      by kernel_forget().
 * Errors: an errno.
 *
 * Until you do, the monitor does not hear of it.
 */
(void)container;
return 0;
