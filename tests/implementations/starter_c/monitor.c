// SPDX-License-Identifier: GPL-2.0
/*
 * A container monitor: warns of, then kills, containers that use too much memory
 *
 * What is here is a device that can be opened. Everything behind it is yours: look for TODO.
 */
#define pr_fmt(fmt) "[container_monitor] " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "monitor_ioctl.h"

/*
 * TODO: what is known of a container, a list of them, and a lock.
 * TODO: look at them again and again: how much memory does each hold? Warn once above
 *	the soft limit, kill above the hard one, forget those that have ended.
 */

static long monitor_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	/* TODO: MONITOR_REGISTER and MONITOR_UNREGISTER. */
	return -ENOTTY;
}

static const struct file_operations monitor_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = monitor_ioctl,
};

static struct miscdevice monitor_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "container_monitor",
	.fops = &monitor_operations,
	.mode = 0600,
};

static int __init monitor_init(void)
{
	/* TODO: say that it is loaded. */
	return misc_register(&monitor_device);
}

static void __exit monitor_exit(void)
{
	/* TODO: leave nothing behind, and say so. */
	misc_deregister(&monitor_device);
}

module_init(monitor_init);
module_exit(monitor_exit);

MODULE_DESCRIPTION("Warns of, then kills, containers that use too much memory");
MODULE_AUTHOR("Boxwright");
MODULE_LICENSE("GPL");
