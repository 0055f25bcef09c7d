/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What user space may ask of /dev/container_monitor: version 1 of the contract's
 * interface, on 64 bits with the fields at 0, 8, 16 and 24, and 56 bytes in all.
 */
#ifndef MONITOR_IOCTL_H
#define MONITOR_IOCTL_H

#ifdef __KERNEL__
#include <linux/ioctl.h>
#include <linux/types.h>
#else
#include <sys/ioctl.h>
#include <sys/types.h>
#endif

#define MONITOR_ID_LEN 32

/**
 * struct monitor_request - which process, and its limits
 * @pid: the container's first process, in the caller's PID namespace
 * @soft_limit_bytes: resident memory above which one warning is given
 * @hard_limit_bytes: resident memory above which the container is killed
 * @container_id: its name, printable and NUL-terminated
 *
 * For MONITOR_UNREGISTER the limits mean nothing, and an empty name any.
 */
struct monitor_request {
	pid_t pid;
	unsigned long soft_limit_bytes;
	unsigned long hard_limit_bytes;
	char container_id[MONITOR_ID_LEN];
};

#define MONITOR_REGISTER _IOW('M', 1, struct monitor_request)
#define MONITOR_UNREGISTER _IOW('M', 2, struct monitor_request)

#endif /* MONITOR_IOCTL_H */
