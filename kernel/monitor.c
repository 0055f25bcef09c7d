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
#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "monitor_ioctl.h"
#include "monitor_policy.h"

#define DEVICE_NAME "container_monitor"

/* Events a file holds until they are read: three for each of 340 containers. */
#define RING_SIZE 1024

/* The layouts are promises to user space; let the compiler keep them. */
static_assert(sizeof(long) != 8 || sizeof(struct monitor_request) == 56);
static_assert(sizeof(struct monitor_request_v2) == 64);
static_assert(sizeof(struct monitor_event) == 72);

/**
 * struct monitor_file - one open of the device
 * @pid_ns: PID namespace of the opener, in which PIDs are told
 * @readable: who waits for an event
 * @head: number of events ever put into @ring
 * @tail: number of events that have left it, read or dropped
 * @lost: events dropped since the last one that was read
 * @ring: event n lies in slot n % RING_SIZE
 */
struct monitor_file {
	struct pid_namespace *pid_ns;
	wait_queue_head_t readable;
	unsigned int head;
	unsigned int tail;
	unsigned int lost;
	struct monitor_event ring[RING_SIZE];
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

/* --- measuring -------------------------------------------------------------- */

/*
 * Address spaces can be shared by processes: between vfork() and exec() the child
 * runs in its parent's. Summed naively, a container of 40 MiB would be one of 80
 * for that moment, and be killed for it. The kernel names one owner for each.
 */
#ifdef CONFIG_MEMCG
static bool owns_mm(struct task_struct *process, struct mm_struct *mm)
{
	struct task_struct *owner = rcu_dereference(mm->owner);

	return !owner || same_thread_group(owner, process);
}
#else
static bool owns_mm(struct task_struct *process, struct mm_struct *mm)
{
	return !process->vfork_done;
}
#endif

/* The process behind a reference, unless all its threads have ended. Under RCU. */
static struct task_struct *live_process(struct pid *pid)
{
	struct task_struct *process = pid_task(pid, PIDTYPE_TGID);

	if (process && !atomic_read(&process->signal->live))
		return NULL; /* a zombie, or about to be one */
	return process;
}

/*
 * Resident bytes of one process. Its first thread may have ended before the
 * others, so take the memory from any thread that still has it. task_lock() is
 * what exit and exec take to give memory up; get_task_mm() would do as well, but
 * then the last mmput(), which tears a whole address space down, could be ours.
 */
static u64 process_rss(struct task_struct *process)
{
	struct task_struct *thread;
	unsigned long pages = 0;
	bool found = false;

	for_each_thread(process, thread) {
		task_lock(thread);
		if (thread->mm) {
			found = true;
			if (owns_mm(process, thread->mm))
				pages = get_mm_rss(thread->mm);
		}
		task_unlock(thread);
		if (found)
			break;
	}
	return (u64)pages << PAGE_SHIFT;
}

/*
 * Every process that can be seen in a namespace, those of namespaces inside it
 * included: the kernel keeps them in one table, ordered by PID. Threads are in
 * the table too; only the first of each process answers to PIDTYPE_TGID.
 */
static u64 namespace_rss(struct pid_namespace *pid_ns)
{
	struct task_struct *process;
	struct pid *pid;
	u64 bytes = 0;
	int nr;

	for (nr = 1; (pid = idr_get_next(&pid_ns->idr, &nr)); nr++) {
		process = pid_task(pid, PIDTYPE_TGID);
		if (process)
			bytes += process_rss(process);
	}
	return bytes;
}

/* Measure a container. Return: false when its first process has ended. */
static bool measure(struct monitor_entry *entry)
{
	struct task_struct *process;

	rcu_read_lock();
	process = live_process(entry->pid);
	if (process && entry->pid_ns)
		entry->rss = namespace_rss(entry->pid_ns);
	else if (process)
		entry->rss = process_rss(process);
	rcu_read_unlock();
	return process;
}

/* --- acting ----------------------------------------------------------------- */

/* Cannot fail: a full ring gives up its oldest event, and the reader is told. */
static void queue_event(struct monitor_entry *entry, u32 type, u64 limit)
{
	struct monitor_file *file = entry->file;
	struct monitor_event *event = &file->ring[file->head % RING_SIZE];

	lockdep_assert_held(&monitor_lock);
	if (file->head - file->tail == RING_SIZE) {
		file->lost++;
		WRITE_ONCE(file->tail, file->tail + 1);
	}
	*event = (struct monitor_event) {
		.size = sizeof(*event),
		.type = type,
		.pid = entry->nr,
		.rss_bytes = entry->rss,
		.limit_bytes = limit,
		.time_ns = ktime_get_boottime_ns(),
	};
	memcpy(event->container_id, entry->id, MONITOR_ID_SIZE);
	WRITE_ONCE(file->head, file->head + 1);
	wake_up_interruptible_poll(&file->readable, EPOLLIN | EPOLLRDNORM);
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
	if (due & MONITOR_WARN) {
		queue_event(entry, MONITOR_EVENT_SOFT, entry->soft);
		pr_warn("SOFT LIMIT container=%s pid=%d rss=%llu limit=%llu\n",
			entry->id, entry->nr, entry->rss, entry->soft);
	}
	if (due & MONITOR_KILL) {
		queue_event(entry, MONITOR_EVENT_HARD, entry->hard);
		pr_err("HARD LIMIT container=%s pid=%d rss=%llu limit=%llu\n",
		       entry->id, entry->nr, entry->rss, entry->hard);
		kill_pid(entry->pid, SIGKILL, 1);
	}
	entry->done |= due;
}

static void schedule_scan(void)
{
	queue_delayed_work(scan_queue, &scan_work, msecs_to_jiffies(READ_ONCE(scan_interval_ms)));
}

/* Look at every container once; come again while there are any. */
static void scan(struct work_struct *work)
{
	struct monitor_entry *entry, *next;
	u64 start = ktime_get_ns();

	mutex_lock(&monitor_lock);
	list_for_each_entry_safe(entry, next, &entries, node) {
		if (measure(entry)) {
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
}

/* --- requests --------------------------------------------------------------- */

/*
 * The id goes into the kernel log, a line each, in fields parted by spaces: so no
 * control bytes, no spaces. isascii() because the kernel's ctype is Latin-1.
 */
static bool id_is_valid(const char *id)
{
	size_t length = strnlen(id, MONITOR_ID_SIZE);
	size_t i;

	for (i = 0; i < length; i++)
		if (!isascii(id[i]) || !isgraph(id[i]))
			return false;
	return length < MONITOR_ID_SIZE;
}

/*
 * Make entry->pid one that can be monitored, and find out what it stands for: the
 * first process of a PID namespace for all that live in there, any other for
 * itself. Not for monitoring: kernel threads, which have no memory and do not
 * die, and a namespace the caller lives in, which at the top is the machine.
 */
static int identify(struct monitor_entry *entry)
{
	struct pid_namespace *pid_ns;
	struct task_struct *process;
	int err = 0;

	if (!entry->pid)
		return -ESRCH;
	pid_ns = ns_of_pid(entry->pid);
	if (pid_nr_ns(entry->pid, pid_ns) == 1)
		entry->pid_ns = pid_ns;
	entry->nr = pid_nr_ns(entry->pid, entry->file->pid_ns);

	rcu_read_lock();
	process = live_process(entry->pid);
	if (!process)
		err = -ESRCH;
	else if (process->flags & PF_KTHREAD)
		err = -EINVAL;
	else if (entry->pid_ns && task_tgid_nr_ns(current, entry->pid_ns))
		err = -EINVAL;
	rcu_read_unlock();
	return err;
}

static int add_entry(struct monitor_entry *new)
{
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
}

static int register_container(struct monitor_file *file, const struct monitor_request_v2 *request)
{
	struct monitor_entry *entry;
	int err;

	if (!request->container_id[0] || !request->soft_limit_bytes ||
	    request->soft_limit_bytes > request->hard_limit_bytes)
		return -EINVAL;
	entry = kzalloc(sizeof(*entry), GFP_KERNEL_ACCOUNT);
	if (!entry)
		return -ENOMEM;
	entry->file = file;
	entry->pid = find_get_pid(request->pid);
	entry->soft = request->soft_limit_bytes;
	entry->hard = request->hard_limit_bytes;
	strscpy_pad(entry->id, request->container_id, sizeof(entry->id));

	err = identify(entry);
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
}

/*
 * A process is known by its reference. One that has been reaped, but not missed
 * by a scan yet, has no PID any more: it is known by the number and id it had.
 */
static struct monitor_entry *find_entry(struct pid *pid, const struct monitor_request_v2 *request)
{
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
}

static int unregister_container(const struct monitor_request_v2 *request)
{
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
}

/* --- the device ------------------------------------------------------------- */

static int fetch_request_v1(struct monitor_request_v2 *request, const void __user *from)
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

static int fetch_request_v2(struct monitor_request_v2 *request, const void __user *from)
{
	if (copy_from_user(request, from, sizeof(*request)))
		return -EFAULT;
	if (request->size != sizeof(*request) || request->flags || request->reserved)
		return -EINVAL;
	return 0;
}

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

static bool has_events(struct monitor_file *file)
{
	return READ_ONCE(file->head) != READ_ONCE(file->tail);
}

/* Take the oldest event out, if there is one. */
static bool take_event(struct monitor_file *file, struct monitor_event *event)
{
	bool found;

	mutex_lock(&monitor_lock);
	found = has_events(file);
	if (found) {
		*event = file->ring[file->tail % RING_SIZE];
		event->lost = file->lost;
		file->lost = 0;
		WRITE_ONCE(file->tail, file->tail + 1);
	}
	mutex_unlock(&monitor_lock);
	return found;
}

/* Whole records only; an event whose copy fails counts as lost. */
static ssize_t monitor_read(struct file *filp, char __user *to, size_t size, loff_t *offset)
{
	struct monitor_file *file = filp->private_data;
	struct monitor_event event;
	size_t done = 0;

	if (size < sizeof(event))
		return -EINVAL;
	while (size - done >= sizeof(event)) {
		if (!take_event(file, &event)) {
			if (done)
				break;
			if (filp->f_flags & O_NONBLOCK)
				return -EAGAIN;
			if (wait_event_interruptible(file->readable, has_events(file)))
				return -ERESTARTSYS;
			continue;
		}
		if (copy_to_user(to + done, &event, sizeof(event))) {
			mutex_lock(&monitor_lock);
			file->lost += event.lost + 1;
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
	return has_events(file) ? EPOLLIN | EPOLLRDNORM : 0;
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
static int monitor_release(struct inode *inode, struct file *filp)
{
	struct monitor_file *file = filp->private_data;
	struct monitor_entry *entry, *next;

	mutex_lock(&monitor_lock);
	list_for_each_entry_safe(entry, next, &entries, node)
		if (entry->file == file)
			drop_entry(entry);
	mutex_unlock(&monitor_lock);
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
	misc_deregister(&monitor_device);
	cancel_delayed_work_sync(&scan_work);
	destroy_workqueue(scan_queue);
	pr_info("Module unloaded.\n");
}

module_init(monitor_init);
module_exit(monitor_exit);

MODULE_AUTHOR("The Boxwright founders");
MODULE_DESCRIPTION("Memory limits for teaching containers");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION("1.0.0");
