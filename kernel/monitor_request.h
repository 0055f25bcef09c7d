/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Requests: from user memory to a structure that can be trusted in its form
 *
 * Both versions of the interface become one here. Whether the process exists, and
 * whether its container may be monitored, is not known yet.
 */
#ifndef MONITOR_REQUEST_H
#define MONITOR_REQUEST_H

#include <linux/ctype.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "monitor_ioctl.h"

/* The layouts are promises to user space; let the compiler keep them. */
static_assert(sizeof(long) != 8 || sizeof(struct monitor_request) == 56);
static_assert(sizeof(struct monitor_request_v2) == 64);
static_assert(sizeof(struct monitor_event) == 72);

static inline int fetch_request_v1(struct monitor_request_v2 *request,
				   const void __user *from)
{
	struct monitor_request old;

	if (copy_from_user(&old, from, sizeof(old)))
		return -EFAULT;
	*request = (struct monitor_request_v2) {
		.size = sizeof(*request),
		.pid = old.pid,
		.soft_limit_bytes = old.soft_limit_bytes,
		.hard_limit_bytes = old.hard_limit_bytes,
	};
	memcpy(request->container_id, old.container_id, MONITOR_ID_SIZE);
	return 0;
}

static inline int fetch_request_v2(struct monitor_request_v2 *request,
				   const void __user *from)
{
	if (copy_from_user(request, from, sizeof(*request)))
		return -EFAULT;
	if (request->size != sizeof(*request) || request->flags || request->reserved)
		return -EINVAL;
	return 0;
}

/*
 * The id goes into the kernel log, a line each, in fields parted by spaces: so no
 * control bytes, no spaces. isascii() because the kernel's ctype is Latin-1.
 */
static inline bool id_is_valid(const char *id)
{
	size_t length = strnlen(id, MONITOR_ID_SIZE);
	size_t i;

	for (i = 0; i < length; i++)
		if (!isascii(id[i]) || !isgraph(id[i]))
			return false;
	return length < MONITOR_ID_SIZE;
}

static inline bool limits_are_valid(const struct monitor_request_v2 *request)
{
	return request->soft_limit_bytes &&
	       request->soft_limit_bytes <= request->hard_limit_bytes;
}

#endif /* MONITOR_REQUEST_H */
