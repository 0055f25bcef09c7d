/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A registered container, and questions about its processes
 *
 * Every function that is handed a task runs under rcu_read_lock(), which keeps the task
 * from being freed; nothing may sleep there.
 */
#ifndef MONITOR_WATCHED_H
#define MONITOR_WATCHED_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "monitor_ioctl.h"

/**
 * struct watched - one registered container
 * @list: in containers
 * @owner: the open file that registered it; it goes when that is closed
 * @pid: its first process; a reference, which a re-used number cannot fool
 * @ns: the PID namespace to add up, kept alive by @pid; NULL: the process alone
 * @nr: its number for whoever registered it
 * @soft: bytes above which one warning is given
 * @hard: bytes above which it is killed
 * @rss: bytes found by the present walk
 * @warned: the warning was given
 * @killed: SIGKILL was sent
 * @id: its name
 */
struct watched {
	struct list_head list;
	struct file *owner;
	struct pid *pid;
	struct pid_namespace *ns;
	pid_t nr;
	unsigned long soft;
	unsigned long hard;
	unsigned long rss;
	bool warned;
	bool killed;
	char id[MONITOR_ID_LEN];
};

/* The process of this reference; NULL when all its threads have ended. Under RCU. */
static inline struct task_struct *living(struct pid *pid)
{
	struct task_struct *process = pid ? pid_task(pid, PIDTYPE_TGID) : NULL;

	return process && atomic_read(&process->signal->live) ? process : NULL;
}

static inline bool has_ended(struct pid *pid)
{
	bool ended;

	rcu_read_lock();
	ended = !living(pid);
	rcu_read_unlock();
	return ended;
}

/* Between vfork() and exec a child runs in its parent's memory, which must not count twice. */
static inline bool is_borrowed(struct task_struct *thread)
{
	return thread->vfork_done &&
	       READ_ONCE(rcu_dereference(thread->real_parent)->mm) == thread->mm;
}

/*
 * The first thread may have ended before the others, so any thread that still has the
 * memory will do. Exec and exit change mm and vfork_done under the task's lock.
 */
static inline unsigned long bytes_of(struct task_struct *process)
{
	struct task_struct *thread;
	unsigned long pages = 0;
	bool found = false;

	for_each_thread(process, thread) {
		task_lock(thread);
		if (thread->mm) {
			found = true;
			if (!is_borrowed(thread))
				pages = get_mm_rss(thread->mm);
		}
		task_unlock(thread);
		if (found)
			break;
	}
	return pages << PAGE_SHIFT;
}

static inline bool belongs(struct task_struct *process, const struct watched *container)
{
	if (container->ns)
		return pid_nr_ns(task_tgid(process), container->ns) != 0;
	return task_tgid(process) == container->pid;
}

/* One that is dying already, of something else, is not killed, nor said to be. */
static inline bool is_dying(struct pid *pid)
{
	struct task_struct *process;
	bool dying;

	rcu_read_lock();
	process = living(pid);
	dying = !process || (READ_ONCE(process->signal->flags) & SIGNAL_GROUP_EXIT);
	rcu_read_unlock();
	return dying;
}

#endif /* MONITOR_WATCHED_H */
