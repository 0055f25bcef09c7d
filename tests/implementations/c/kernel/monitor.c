// SPDX-License-Identifier: GPL-2.0
/*
 * A container monitor: warns of, then kills, containers that use too much memory
 *
 * One kernel thread walks over the machine's processes once per interval, adds up what
 * each registered container holds, and acts. It sleeps while nothing is registered. The
 * walk is one pass for all containers: a process tells by its struct pid in which PID
 * namespaces it can be seen, and each container knows the namespace that is its own.
 *
 * One mutex guards the list. Under it, RCU keeps processes from being freed while they
 * are looked at; nothing sleeps in there.
 */
#define pr_fmt(fmt) "[container_monitor] " fmt

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/wait.h>

#include "monitor_watched.h"

#define INTERVAL_MS 50

static LIST_HEAD(containers);
static DEFINE_MUTEX(containers_lock);
static DECLARE_WAIT_QUEUE_HEAD(work_to_do);
static struct task_struct *walker;

static void forget(struct watched *container)
{
	list_del(&container->list);
	put_pid(container->pid);
	kfree(container);
}

static void measure(void)
{
	struct task_struct *process;
	struct watched *container;

	list_for_each_entry(container, &containers, list)
		container->rss = 0;
	rcu_read_lock();
	for_each_process(process) {
		unsigned long bytes = 0;
		bool known = false;

		list_for_each_entry(container, &containers, list) {
			if (!belongs(process, container))
				continue;
			if (!known)
				bytes = bytes_of(process);
			known = true;
			container->rss += bytes;
		}
	}
	rcu_read_unlock();
}

/* What is said comes before what is done: who sees the end shall find the reason. */
static void act(struct watched *container)
{
	if (container->rss > container->soft && !container->warned) {
		container->warned = true;
		pr_warn("SOFT LIMIT container=%s pid=%d rss=%lu limit=%lu\n",
			container->id, container->nr, container->rss, container->soft);
	}
	if (container->rss > container->hard && !container->killed) {
		container->killed = true;
		pr_warn("HARD LIMIT container=%s pid=%d rss=%lu limit=%lu\n",
			container->id, container->nr, container->rss, container->hard);
		kill_pid(container->pid, SIGKILL, 1);
	}
}

static void look(void)
{
	struct watched *container, *next;

	mutex_lock(&containers_lock);
	list_for_each_entry_safe(container, next, &containers, list)
		if (has_ended(container->pid))
			forget(container);
	measure();
	list_for_each_entry(container, &containers, list)
		if (!is_dying(container->pid))
			act(container);
	mutex_unlock(&containers_lock);
}

/* High priority: containers may keep every CPU busy, and one of them is why we are here. */
static int walk(void *unused)
{
	set_user_nice(current, MIN_NICE);
	while (!kthread_should_stop()) {
		wait_event_interruptible(work_to_do,
					 !list_empty(&containers) || kthread_should_stop());
		look();
		schedule_timeout_interruptible(msecs_to_jiffies(INTERVAL_MS));
	}
	return 0;
}

/*
 * What a process stands for: all of its PID namespace, if the caller looks at that
 * from outside; else itself alone. Kernel threads have no memory, and the first process
 * of the caller's own namespace is not a container but the machine.
 */
static int find_extent(struct watched *container)
{
	struct pid_namespace *callers = task_active_pid_ns(current);
	struct pid_namespace *ns = ns_of_pid(container->pid);
	struct task_struct *process;
	int err = 0;

	rcu_read_lock();
	process = living(container->pid);
	if (!process)
		err = -ESRCH;
	else if ((process->flags & PF_KTHREAD) ||
		 pid_nr_ns(container->pid, callers) == 1)
		err = -EINVAL;
	rcu_read_unlock();
	container->ns = ns == callers ? NULL : ns;
	return err;
}

static int enter(struct watched *new)
{
	struct watched *container;
	int err = find_extent(new);

	if (err)
		return err;
	list_for_each_entry(container, &containers, list) {
		if (container->pid == new->pid)
			return -EEXIST;
	}
	list_add_tail(&new->list, &containers);
	pr_info("Registering container=%s pid=%d soft=%lu hard=%lu\n",
		new->id, new->nr, new->soft, new->hard);
	return 0;
}

static long register_container(struct file *file, const struct monitor_request *request)
{
	struct watched *new;
	int err;

	if (!request->container_id[0] || !request->soft_limit_bytes ||
	    request->soft_limit_bytes > request->hard_limit_bytes)
		return -EINVAL;
	if (request->pid <= 0)
		return -ESRCH;
	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->owner = file;
	new->pid = find_get_pid(request->pid);
	new->nr = request->pid;
	new->soft = request->soft_limit_bytes;
	new->hard = request->hard_limit_bytes;
	strscpy(new->id, request->container_id, sizeof(new->id));

	mutex_lock(&containers_lock);
	err = enter(new);
	mutex_unlock(&containers_lock);
	if (err) {
		put_pid(new->pid);
		kfree(new);
		return err;
	}
	wake_up(&work_to_do);
	return 0;
}

static long unregister_container(const struct monitor_request *request)
{
	struct pid *pid = request->pid > 0 ? find_get_pid(request->pid) : NULL;
	const char *id = request->container_id;
	struct watched *container, *found = NULL;
	int err = -ENOENT;

	mutex_lock(&containers_lock);
	list_for_each_entry(container, &containers, list) {
		if (container->pid == pid && (!id[0] || !strcmp(id, container->id)))
			found = container;
	}
	/* An entry goes with its process, whether the walker has come by or not. */
	if (found && !has_ended(found->pid)) {
		pr_info("Unregister request container=%s pid=%d\n", found->id, found->nr);
		err = 0;
	}
	if (found)
		forget(found);
	mutex_unlock(&containers_lock);
	put_pid(pid);
	return err;
}

/* It becomes part of a line of the log, so: printable ASCII, and no spaces. */
static bool id_is_sound(const char *id)
{
	size_t length = strnlen(id, MONITOR_ID_LEN);

	if (length == MONITOR_ID_LEN)
		return false;
	while (length--)
		if (id[length] <= ' ' || id[length] > '~')
			return false;
	return true;
}

static long monitor_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct monitor_request request;

	/* The device's mode guards open(); this guards a descriptor that was handed on. */
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (command != MONITOR_REGISTER && command != MONITOR_UNREGISTER)
		return -ENOTTY;
	if (copy_from_user(&request, (void __user *)argument, sizeof(request)))
		return -EFAULT;
	if (!id_is_sound(request.container_id))
		return -EINVAL;
	if (command == MONITOR_REGISTER)
		return register_container(file, &request);
	return unregister_container(&request);
}

static int monitor_release(struct inode *inode, struct file *file)
{
	struct watched *container, *next;

	mutex_lock(&containers_lock);
	list_for_each_entry_safe(container, next, &containers, list)
		if (container->owner == file)
			forget(container);
	mutex_unlock(&containers_lock);
	return 0;
}

static const struct file_operations monitor_operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = monitor_ioctl,
	.release = monitor_release,
};

static struct miscdevice monitor_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "container_monitor",
	.fops = &monitor_operations,
	.mode = 0600,
};

static int __init monitor_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(long) == 8 && sizeof(struct monitor_request) != 56);
	walker = kthread_run(walk, NULL, "container_mon");
	if (IS_ERR(walker))
		return PTR_ERR(walker);
	err = misc_register(&monitor_device);
	if (err) {
		kthread_stop(walker);
		return err;
	}
	pr_info("Module loaded. Device: /dev/container_monitor\n");
	return 0;
}

static void __exit monitor_exit(void)
{
	misc_deregister(&monitor_device);
	kthread_stop(walker);
	pr_info("Module unloaded.\n");
}

module_init(monitor_init);
module_exit(monitor_exit);

MODULE_DESCRIPTION("Warns of, then kills, containers that use too much memory");
MODULE_AUTHOR("Boxwright");
MODULE_LICENSE("GPL");
