/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The policy: what to do at which size
 *
 * The monitor's one decision, apart from everything that makes kernel code hard:
 * no lock, no clock, no memory but its arguments. So it also compiles in user
 * space, where tests/unit/kernel tries every case of it in a moment.
 */
#ifndef MONITOR_POLICY_H
#define MONITOR_POLICY_H

#include <linux/types.h>

#define MONITOR_WARN 0x1u /* tell that the soft limit was passed */
#define MONITOR_KILL 0x2u /* tell that the hard limit was passed, then SIGKILL */

/**
 * monitor_policy() - what is due for a container of this size
 * @rss: resident bytes now
 * @soft: soft limit in bytes
 * @hard: hard limit in bytes
 * @done: MONITOR_WARN and MONITOR_KILL as far as they were done before
 *
 * A limit is passed by being above it, not by reaching it. Each thing is done
 * once for a container, even if it shrinks and grows again. Memory that jumps
 * past both limits between two looks makes both due: the caller warns first.
 *
 * Return: the bits that are due now; 0 when there is nothing to do.
 */
static inline unsigned int monitor_policy(__u64 rss, __u64 soft, __u64 hard,
					  unsigned int done)
{
	unsigned int due = 0;

	if (rss > soft)
		due |= MONITOR_WARN;
	if (rss > hard)
		due |= MONITOR_WARN | MONITOR_KILL;
	return due & ~done;
}

#endif /* MONITOR_POLICY_H */
