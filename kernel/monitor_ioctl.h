/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * What user space and the container monitor say to each other
 *
 * Open /dev/container_monitor (root only), keep it open, register containers by
 * ioctl, and read() what became of them. Closing the file gives up every
 * container registered through it.
 *
 * Version 1 is what engines written in C already use; its layout depends on the
 * word size. Version 2 has fixed-width fields, so that a 32-bit program on a
 * 64-bit kernel, or a program in Python, can use it as it stands.
 */
#ifndef MONITOR_IOCTL_H
#define MONITOR_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>
#ifndef __KERNEL__
#include <sys/types.h> /* pid_t */
#endif

/* Bytes of a container's id, its final NUL included. */
#define MONITOR_ID_SIZE 32

/* The newest version of this interface; what MONITOR_ABI_VERSION answers. */
#define MONITOR_ABI 2

/**
 * struct monitor_request - version 1: which process, and its limits
 * @pid: the container's first process, as a PID in the caller's namespace
 * @soft_limit_bytes: resident bytes above which one warning is given
 * @hard_limit_bytes: resident bytes above which the container is killed
 * @container_id: the container's name: visible ASCII, NUL-terminated
 */
struct monitor_request {
	pid_t pid;
	unsigned long soft_limit_bytes;
	unsigned long hard_limit_bytes;
	char container_id[MONITOR_ID_SIZE];
};

/**
 * struct monitor_request_v2 - version 2: the same in fixed-width fields
 * @size: sizeof(struct monitor_request_v2), 64
 * @flags: 0
 * @pid: the container's first process, as a PID in the caller's namespace
 * @reserved: 0
 * @soft_limit_bytes: resident bytes above which one warning is given
 * @hard_limit_bytes: resident bytes above which the container is killed
 * @container_id: the container's name: visible ASCII, NUL-terminated
 */
struct monitor_request_v2 {
	__u32 size;
	__u32 flags;
	__s32 pid;
	__u32 reserved;
	__u64 soft_limit_bytes;
	__u64 hard_limit_bytes;
	char container_id[MONITOR_ID_SIZE];
};

/**
 * enum monitor_event_type - what an event tells
 * @MONITOR_EVENT_SOFT: the soft limit was passed; told once for a container
 * @MONITOR_EVENT_HARD: the hard limit was passed; SIGKILL follows this event
 * @MONITOR_EVENT_GONE: the registered process has ended
 */
enum monitor_event_type {
	MONITOR_EVENT_SOFT = 1,
	MONITOR_EVENT_HARD = 2,
	MONITOR_EVENT_GONE = 3,
};

/**
 * struct monitor_event - one record of what read() returns
 * @size: sizeof(struct monitor_event), 72
 * @type: one of enum monitor_event_type
 * @pid: the registered process, in the PID namespace of whoever opened the
 *	file; 0 where it cannot be seen from there
 * @lost: events of this file that were dropped just before this one, because
 *	nobody read them in time or the reader's buffer could not be written
 * @rss_bytes: resident bytes of the container as last measured
 * @limit_bytes: the limit that was passed; 0 for MONITOR_EVENT_GONE
 * @time_ns: when, on CLOCK_BOOTTIME
 * @container_id: the container's name, padded with NULs
 */
struct monitor_event {
	__u32 size;
	__u32 type;
	__s32 pid;
	__u32 lost;
	__u64 rss_bytes;
	__u64 limit_bytes;
	__u64 time_ns;
	char container_id[MONITOR_ID_SIZE];
};

#define MONITOR_REGISTER	_IOW('M', 1, struct monitor_request)
#define MONITOR_UNREGISTER	_IOW('M', 2, struct monitor_request)
#define MONITOR_REGISTER_V2	_IOW('M', 3, struct monitor_request_v2)
#define MONITOR_UNREGISTER_V2	_IOW('M', 4, struct monitor_request_v2)
#define MONITOR_ABI_VERSION	_IOR('M', 5, __u32)

#endif /* MONITOR_IOCTL_H */
