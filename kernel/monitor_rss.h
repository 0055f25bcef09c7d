/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Measuring: what a PID stands for, and how much memory that holds
 *
 * Other people's tasks are looked at, not held: rcu_read_lock() keeps them from
 * being freed meanwhile. All but the last two functions run under it; nothing may
 * sleep there.
 */
#ifndef MONITOR_RSS_H
#define MONITOR_RSS_H

#include <linux/idr.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

/*
 * Address spaces can be shared by processes: between vfork() and exec() the child
 * runs in its parent's. Summed naively, a container of 40 MiB would be one of 80
 * for that moment, and be killed for it. The kernel names one owner for each.
 */
#ifdef CONFIG_MEMCG
static inline bool owns_mm(struct task_struct *process, struct mm_struct *mm)
{
	struct task_struct *owner = rcu_dereference(mm->owner);

	return !owner || same_thread_group(owner, process);
}
#else
static inline bool owns_mm(struct task_struct *process, struct mm_struct *mm)
{
	return !process->vfork_done;
}
#endif

/* The process behind a reference, unless all its threads have ended. */
static inline struct task_struct *live_process(struct pid *pid)
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
static inline u64 process_rss(struct task_struct *process)
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
static inline u64 namespace_rss(struct pid_namespace *pid_ns)
{
	/* region 07.memory */
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
	/* endregion 07.memory */
}

/*
 * What a PID stands for: the first process of a PID namespace for everybody in
 * there, any other process for itself, and then *pid_ns is NULL. Not to be
 * monitored: kernel threads, which have no memory and do not die, and a namespace
 * the caller lives in, which at the top is the whole machine.
 */
static inline int find_extent(struct pid *pid, struct pid_namespace **pid_ns)
{
	struct task_struct *process;
	int err = 0;

	*pid_ns = ns_of_pid(pid);
	if (pid_nr_ns(pid, *pid_ns) != 1)
		*pid_ns = NULL;

	rcu_read_lock();
	process = pid ? live_process(pid) : NULL;
	if (!process)
		err = -ESRCH;
	else if (process->flags & PF_KTHREAD)
		err = -EINVAL;
	else if (*pid_ns && task_tgid_nr_ns(current, *pid_ns))
		err = -EINVAL;
	rcu_read_unlock();
	return err;
}

/* Resident bytes of what find_extent() found. Return: false when it has ended. */
static inline bool measure(struct pid *pid, struct pid_namespace *pid_ns, u64 *rss)
{
	struct task_struct *process;

	rcu_read_lock();
	process = live_process(pid);
	if (process)
		*rss = pid_ns ? namespace_rss(pid_ns) : process_rss(process);
	rcu_read_unlock();
	return process;
}

#endif /* MONITOR_RSS_H */
