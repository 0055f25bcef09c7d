/*
 * Mount a /proc that shows this PID namespace: no set-user-ID, no devices, no programs from
 * it. Then make what belongs to the whole machine read-only (/proc/sys, /proc/irq,
 * /proc/bus, /proc/fs: a bind mount of each on itself, then a remount of that), and lay
 * /dev/null over what must not be seen (/proc/kcore, /proc/keys, /proc/sysrq-trigger,
 * /proc/timer_list).
 *
 * In:  make_folder(path) makes it, or finds it.
 * Out: true. Errors: false, errno says why; but a path that this kernel has not got
 *      (ENOENT) is left out.
 *
 * Until you do, /proc in the container is an empty folder.
 */
return true;
