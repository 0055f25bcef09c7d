// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The container monitor: warn about, then kill, containers that use too much memory
 *
 * An engine opens /dev/container_monitor and registers each container by the PID
 * of its first process. Every scan_interval_ms a worker adds up the resident
 * memory of each container and does what monitor_policy.h says. What happened is
 * told twice: in the kernel log, and as events that the engine reads from the
 * file through which it registered.
 *
 * Why a worker and not a timer: a timer runs in softirq context, on top of
 * whatever task it interrupted. There it must not sleep, so it cannot take a
 * mutex; and "current", with every helper that resolves PIDs or namespaces by it,
 * is that chance task. A monitor built so works while the machine idles and looks
 * in the wrong namespace as soon as a container is busy: just the hog it was
 * written for gets away.
 *
 * Locks: monitor_lock, a mutex, guards everything of ours: the entries and the
 * event rings. Under it, RCU keeps other people's tasks from being freed while we
 * look, and task_lock() keeps a task's memory from being taken away. Nothing else
 * nests, and user memory is never touched under monitor_lock: a page fault may
 * wait for anybody, and would stop the scan with it.
 */
#define pr_fmt(fmt) "[container_monitor] " fmt

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "monitor_ioctl.h"
#include "monitor_policy.h"
#include "monitor_request.h"
#include "monitor_ring.h"
#include "monitor_rss.h"

#define DEVICE_NAME "container_monitor"

/**
 * struct monitor_file - one open of the device
 * @pid_ns: PID namespace of the opener, in which PIDs are told
 * @readable: who waits for an event
 * @ring: events that were not read yet
 */
struct monitor_file {
	struct pid_namespace *pid_ns;
	wait_queue_head_t readable;
	struct monitor_ring ring;
};

/**
 * struct monitor_entry - one registered container
 * @node: in entries
 * @file: where its events go, and whose end is its end
 * @pid: its first process: a reference, which a re-used number cannot fool
 * @pid_ns: the namespace that is to be summed (alive as long as @pid is held);
 *	NULL where @pid is not the first of a namespace, and stands for itself
 * @nr: number of @pid in the opener's namespace
 * @done: MONITOR_WARN and MONITOR_KILL as far as they were done
 * @soft: soft limit in bytes
 * @hard: hard limit in bytes
 * @rss: resident bytes as last measured
 * @id: the container's name, padded with NULs
 */
struct monitor_entry {
	struct list_head node;
	struct monitor_file *file;
	struct pid *pid;
	struct pid_namespace *pid_ns;
	pid_t nr;
	unsigned int done;
	u64 soft;
	u64 hard;
	u64 rss;
	char id[MONITOR_ID_SIZE];
};

static DEFINE_MUTEX(monitor_lock);
static LIST_HEAD(entries);
static struct workqueue_struct *scan_queue;
static void scan(struct work_struct *work);
static DECLARE_DELAYED_WORK(scan_work, scan);

static unsigned int scan_interval_ms = 100;

static int set_scan_interval(const char *val, const struct kernel_param *kp)
{
	return param_set_uint_minmax(val, kp, 10, 60000);
}

static const struct kernel_param_ops scan_interval_ops = {
	.set = set_scan_interval,
	.get = param_get_uint,
};
module_param_cb(scan_interval_ms, &scan_interval_ops, &scan_interval_ms, 0644);
MODULE_PARM_DESC(scan_interval_ms, "pause between two looks at all containers, 10 to 60000 ms");

static unsigned long last_scan_ns;
module_param(last_scan_ns, ulong, 0444);
MODULE_PARM_DESC(last_scan_ns, "how long the last look at all containers took (read only)");

/* --- looking and acting ----------------------------------------------------- */

static void queue_event(struct monitor_entry *entry, u32 type, u64 limit)
{
	struct monitor_event event = {
		.size = sizeof(event),
		.type = type,
		.pid = entry->nr,
		.rss_bytes = entry->rss,
		.limit_bytes = limit,
		.time_ns = ktime_get_boottime_ns(),
	};

	lockdep_assert_held(&monitor_lock);
	memcpy(event.container_id, entry->id, MONITOR_ID_SIZE);
	ring_put(&entry->file->ring, &event);
	wake_up_interruptible_poll(&entry->file->readable, EPOLLIN | EPOLLRDNORM);
}

static void drop_entry(struct monitor_entry *entry)
{
	lockdep_assert_held(&monitor_lock);
	list_del(&entry->node);
	put_pid(entry->pid);
	kfree(entry);
}

/*
 * Word first, deed second: whoever sees the container die must find the reason
 * waiting. SIGKILL from the kernel also ends the first process of a namespace,
 * and that takes the whole namespace with it; the rest of a busy container has
 * no say in it, nor any need to be scheduled in its own time.
 */
static void act(struct monitor_entry *entry, unsigned int due)
{
	/* region 06.soft */
	if (due & MONITOR_WARN) {
		queue_event(entry, MONITOR_EVENT_SOFT, entry->soft);
		pr_warn("SOFT LIMIT container=%s pid=%d rss=%llu limit=%llu\n",
			entry->id, entry->nr, entry->rss, entry->soft);
	}
	/* endregion 06.soft */
	/* region 06.hard */
	if (due & MONITOR_KILL) {
		queue_event(entry, MONITOR_EVENT_HARD, entry->hard);
		pr_err("HARD LIMIT container=%s pid=%d rss=%llu limit=%llu\n",
		       entry->id, entry->nr, entry->rss, entry->hard);
		kill_pid(entry->pid, SIGKILL, 1);
	}
	/* endregion 06.hard */
	entry->done |= due;
}

static void schedule_scan(void)
{
	queue_delayed_work(scan_queue, &scan_work, msecs_to_jiffies(READ_ONCE(scan_interval_ms)));
}

/* Look at every container once; come again while there are any. */
static void scan(struct work_struct *work)
{
	/* region 06.check */
	struct monitor_entry *entry, *next;
	u64 start = ktime_get_ns();

	mutex_lock(&monitor_lock);
	list_for_each_entry_safe(entry, next, &entries, node) {
		if (measure(entry->pid, entry->pid_ns, &entry->rss)) {
			act(entry, monitor_policy(entry->rss, entry->soft, entry->hard,
						  entry->done));
		} else {
			queue_event(entry, MONITOR_EVENT_GONE, 0);
			drop_entry(entry);
		}
		cond_resched();
	}
	WRITE_ONCE(last_scan_ns, ktime_get_ns() - start);
	if (!list_empty(&entries))
		schedule_scan();
	mutex_unlock(&monitor_lock);
	/* endregion 06.check */
}

/* --- requests --------------------------------------------------------------- */

static int add_entry(struct monitor_entry *new)
{
	/* region 06.list */
	struct monitor_entry *entry;

	lockdep_assert_held(&monitor_lock);
	list_for_each_entry(entry, &entries, node)
		if (entry->pid == new->pid)
			return -EEXIST;
	list_add_tail(&new->node, &entries);
	pr_info("Registering container=%s pid=%d soft=%llu hard=%llu\n",
		new->id, new->nr, new->soft, new->hard);
	schedule_scan();
	return 0;
	/* endregion 06.list */
}

static int register_container(struct monitor_file *file, const struct monitor_request_v2 *request)
{
	/* region 06.register */
	struct monitor_entry *entry;
	int err;

	if (!request->container_id[0] || !limits_are_valid(request))
		return -EINVAL;
	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;
	entry->file = file;
	entry->pid = find_get_pid(request->pid);
	entry->nr = pid_nr_ns(entry->pid, file->pid_ns);
	entry->soft = request->soft_limit_bytes;
	entry->hard = request->hard_limit_bytes;
	strscpy_pad(entry->id, request->container_id, sizeof(entry->id));

	err = find_extent(entry->pid, &entry->pid_ns);
	if (!err) {
		mutex_lock(&monitor_lock);
		err = add_entry(entry);
		mutex_unlock(&monitor_lock);
	}
	if (err) {
		put_pid(entry->pid);
		kfree(entry);
	}
	return err;
	/* endregion 06.register */
}

/*
 * A process is known by its reference. One that has been reaped, but not missed
 * by a scan yet, has no PID any more: it is known by the number and id it had.
 */
static struct monitor_entry *find_entry(struct pid *pid, const struct monitor_request_v2 *request)
{
	/* region 06.find */
	struct monitor_entry *entry, *found = NULL;

	lockdep_assert_held(&monitor_lock);
	list_for_each_entry(entry, &entries, node) {
		if (request->container_id[0] && strcmp(entry->id, request->container_id))
			continue;
		if (entry->pid == pid)
			return entry;
		if (entry->nr == request->pid && !pid_has_task(entry->pid, PIDTYPE_TGID))
			found = entry;
	}
	return found;
	/* endregion 06.find */
}

static int unregister_container(const struct monitor_request_v2 *request)
{
	/* region 06.unregister */
	struct pid *pid = find_get_pid(request->pid);
	struct monitor_entry *entry;

	mutex_lock(&monitor_lock);
	entry = find_entry(pid, request);
	if (entry) {
		pr_info("Unregister request container=%s pid=%d\n", entry->id, entry->nr);
		drop_entry(entry);
	}
	mutex_unlock(&monitor_lock);
	put_pid(pid);
	return entry ? 0 : -ENOENT;
	/* endregion 06.unregister */
}

/* --- the device ------------------------------------------------------------- */

static long monitor_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct monitor_request_v2 request;
	int err;

	/* Mode 0600 guards open(); this guards a descriptor handed to someone else. */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;

	switch (cmd) {
	case MONITOR_ABI_VERSION:
		return put_user(MONITOR_ABI, (__u32 __user *)user);
	case MONITOR_REGISTER:
	case MONITOR_UNREGISTER:
		err = fetch_request_v1(&request, user);
		break;
	case MONITOR_REGISTER_V2:
	case MONITOR_UNREGISTER_V2:
		err = fetch_request_v2(&request, user);
		break;
	default:
		return -ENOTTY;
	}
	if (err)
		return err;
	if (!id_is_valid(request.container_id))
		return -EINVAL;
	if (cmd == MONITOR_REGISTER || cmd == MONITOR_REGISTER_V2)
		return register_container(filp->private_data, &request);
	return unregister_container(&request);
}

/* Whole records only; an event whose copy fails counts as lost. */
static ssize_t monitor_read(struct file *filp, char __user *to, size_t size, loff_t *offset)
{
	struct monitor_file *file = filp->private_data;
	struct monitor_event event;
	size_t done = 0;
	bool found;

	if (size < sizeof(event))
		return -EINVAL;
	while (size - done >= sizeof(event)) {
		mutex_lock(&monitor_lock);
		found = ring_take(&file->ring, &event);
		mutex_unlock(&monitor_lock);
		if (!found) {
			if (done)
				break;
			if (filp->f_flags & O_NONBLOCK)
				return -EAGAIN;
			if (wait_event_interruptible(file->readable, ring_has_events(&file->ring)))
				return -ERESTARTSYS;
			continue;
		}
		if (copy_to_user(to + done, &event, sizeof(event))) {
			mutex_lock(&monitor_lock);
			ring_give_up(&file->ring, &event);
			mutex_unlock(&monitor_lock);
			return done ? done : -EFAULT;
		}
		done += sizeof(event);
	}
	return done;
}

static __poll_t monitor_poll(struct file *filp, poll_table *wait)
{
	struct monitor_file *file = filp->private_data;

	poll_wait(filp, &file->readable, wait);
	return ring_has_events(&file->ring) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int monitor_open(struct inode *inode, struct file *filp)
{
	struct monitor_file *file = kvzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	file->pid_ns = get_pid_ns(task_active_pid_ns(current));
	init_waitqueue_head(&file->readable);
	filp->private_data = file;
	return stream_open(inode, filp);
}

/* An engine that died cannot look after its containers; neither do we. */
static void drop_entries_of(struct monitor_file *file)
{
	/* region 06.release */
	struct monitor_entry *entry, *next;

	mutex_lock(&monitor_lock);
	list_for_each_entry_safe(entry, next, &entries, node)
		if (entry->file == file)
			drop_entry(entry);
	mutex_unlock(&monitor_lock);
	/* endregion 06.release */
}

static int monitor_release(struct inode *inode, struct file *filp)
{
	struct monitor_file *file = filp->private_data;

	drop_entries_of(file);
	put_pid_ns(file->pid_ns);
	kvfree(file);
	return 0;
}

/*
 * compat_ioctl: version 2 looks the same to a 32-bit program. Its version 1 is
 * another, smaller structure, hence another command, which gets ENOTTY.
 */
static const struct file_operations monitor_fops = {
	.owner = THIS_MODULE,
	.open = monitor_open,
	.release = monitor_release,
	.read = monitor_read,
	.poll = monitor_poll,
	.unlocked_ioctl = monitor_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

static struct miscdevice monitor_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = DEVICE_NAME,
	.fops = &monitor_fops,
	.mode = 0600,
};

/*
 * A queue of our own, for when it matters most: high priority, as the containers
 * may keep every CPU busy, and with a thread in reserve, as there may be no
 * memory left to make one.
 */
static int __init monitor_init(void)
{
	int err;

	scan_queue = alloc_ordered_workqueue(DEVICE_NAME, WQ_HIGHPRI | WQ_MEM_RECLAIM);
	if (!scan_queue)
		return -ENOMEM;
	err = misc_register(&monitor_device);
	if (err) {
		destroy_workqueue(scan_queue);
		return err;
	}
	pr_info("Module loaded. Device: /dev/" DEVICE_NAME "\n");
	return 0;
}

/*
 * Open files hold the module, and the last close has dropped the last entry. What
 * may be left is one scan that was due when that happened.
 */
static void __exit monitor_exit(void)
{
	/* region 06.unload */
	misc_deregister(&monitor_device);
	cancel_delayed_work_sync(&scan_work);
	destroy_workqueue(scan_queue);
	pr_info("Module unloaded.\n");
	/* endregion 06.unload */
}

module_init(monitor_init);
module_exit(monitor_exit);

MODULE_AUTHOR("The Boxwright founders");
MODULE_DESCRIPTION("Memory limits for teaching containers");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION("1.0.0");
