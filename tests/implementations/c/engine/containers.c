/*
 * The records: which containers there are, and how each comes to its end
 *
 * Why a container ended needs no guess, because of what the first process of a PID
 * namespace is (pid_namespaces(7)): of all signals with default action only SIGKILL from
 * outside, and a fault of its own, can end it. So SIGKILL came from outside: from
 * `stop`, from the monitor, or from somebody else. Anything else is its own.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define LOG_PATIENCE_MS 2000 /* for whoever holds the pipe of a container that has ended */

static struct container *first;
static bool stopping;

struct container *container_first(void)
{
	return first;
}

void container_adopt(struct container *container)
{
	struct container **end = &first;

	while (*end)
		end = &(*end)->next;
	*end = container;
}

/* While an id begins again, its old record and the new one are both there. */
struct container *container_find(const char *id)
{
	struct container *found = NULL;

	for (struct container *at = first; at; at = at->next)
		if (!strcmp(at->id, id) && (!found || found->state == EXITED))
			found = at;
	return found;
}

void container_free(struct container *container)
{
	if (container->log)
		log_end(container->log);
	loop_forget(&container->end, true);
	loop_forget(&container->failure, true);
	loop_forget(&container->log_end, true);
	kernel_forget(container);
	cgroup_remove(container);
	free(container->rootfs);
	free(container);
}

void container_forget(struct container *container)
{
	struct container **at = &first;

	while (*at != container)
		at = &(*at)->next;
	*at = container->next;
	container_free(container);
}

static void send_signal(struct container *container, int number)
{
	syscall(SYS_pidfd_send_signal, container->end.fd, number, NULL, 0);
}

void container_fail(struct container *container, int status, const char *format, ...)
{
	char text[sizeof(container->failure_text)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	memcpy(container->failure_text, text, sizeof(text));
	container->failure_status = status;
	container->failed = true;
	send_signal(container, SIGKILL);
}

/* One that has ended already, though nobody has looked yet, was not stopped. */
static bool has_ended(const struct container *container)
{
	struct pollfd wait = { container->end.fd, POLLIN, 0 };

	return container->reaped || poll(&wait, 1, 0) > 0;
}

/* Note that a stop is asked for. Return: whether there is anything to stop. */
static bool note_stop(struct container *container)
{
	/* region 03.asked */
	if (container->stop_requested || has_ended(container))
		return false;
	container->stop_requested = true;
	return true;
	/* endregion 03.asked */
}

/* region 03.stop */
/* From asking to killing. The request was recorded before. */
static void ask_to_end(struct container *container)
{
	send_signal(container, SIGTERM);
	container->kill_at = now_ms() + GRACE_MS;
}

/* One that is still starting is asked when it runs. */
void container_stop(struct container *container)
{
	if (note_stop(container) && container->state == RUNNING)
		ask_to_end(container);
}
/* endregion 03.stop */

/* Now the new record takes the place of the old one, and its log that of the old log. */
void container_begins(struct container *container)
{
	struct container *old = first;
	struct connection *starter = NULL;
	char path[sizeof(container->log_path)];

	while (old && (old->state != EXITED || strcmp(old->id, container->id)))
		old = old->next;
	if (old)
		container_forget(old);
	snprintf(path, sizeof(path), LOG_FOLDER "/%s.log", container->id);
	if (rename(container->log_path, path))
		complain("the log of %s stays in %s: %s", container->id, container->log_path, strerror(errno));
	else
		strcpy(container->log_path, path);
	while ((starter = connection_waiting(starter, container)))
		show_start(starter, container);
	/* region 03.running */
	container->state = RUNNING;
	if (container->stop_requested)
		ask_to_end(container);
	/* endregion 03.running */
}

/* It is gone and its log is whole: only now it counts as ended, and everybody is told. */
static void finish(struct container *container)
{
	struct connection *waiting = NULL;

	if (!container->reaped || container->log)
		return;
	if (container->failed)
		unlink(container->log_path);
	container->state = EXITED;
	while ((waiting = connection_waiting(waiting, container)))
		show_end(waiting, container);
	if (container->failed)
		container_forget(container);
}

static const char *judge(const struct container *container)
{
	/* region 03.reason */
	if (container->stop_requested)
		return "stopped";
	if (container->exit_code == CLD_EXITED || container->exit_value != SIGKILL)
		return "exited";
	return kernel_killed(container) ? "hard_limit_killed" : "killed";
	/* endregion 03.reason */
}

/* Wait for one that has ended, and keep how it did. Return: false where a signal came between. */
static bool wait_for(struct container *container)
{
	/* region 03.waiting */
	siginfo_t info = { 0 };

	if (waitid(P_PIDFD, (id_t)container->end.fd, &info, WEXITED) && errno == EINTR)
		return false;
	container->exit_code = info.si_code;
	container->exit_value = info.si_status;
	return true;
	/* endregion 03.waiting */
}

void container_ended(struct source *source, uint32_t events)
{
	struct container *container = OWNER_OF(source, struct container, end);

	/* region 03.reaper */
	/* First how it began. By now its end of the pipe is closed, so there is an answer. */
	if (container->failure.fd >= 0)
		starting_failed(&container->failure, events);
	if (!wait_for(container))
		return;
	container->reaped = true;
	container->reason = judge(container);
	container->kill_at = FOREVER;
	container->log_until = now_ms() + LOG_PATIENCE_MS;
	loop_forget(source, true);
	kernel_forget(container);
	cgroup_remove(container);
	finish(container);
	/* endregion 03.reaper */
}

void container_logged(struct source *source, uint32_t events)
{
	struct container *container = OWNER_OF(source, struct container, log_end);

	(void)events;
	loop_forget(source, true);
	container->log_error = log_error(container->log);
	log_end(container->log);
	container->log = NULL;
	container->log_until = FOREVER;
	if (container->log_error)
		complain("the log of %s is incomplete: %s", container->id, strerror(container->log_error));
	finish(container);
}

bool containers_may_start(void)
{
	return !stopping;
}

void containers_stop_all(void)
{
	stopping = true;
	for (struct container *at = first; at; at = at->next)
		if (at->state != EXITED)
			container_stop(at);
}

bool containers_all_ended(void)
{
	for (struct container *at = first; at; at = at->next)
		if (at->state != EXITED)
			return false;
	return true;
}

int64_t containers_deadline(void)
{
	int64_t deadline = FOREVER;

	for (struct container *at = first; at; at = at->next) {
		if (at->kill_at < deadline)
			deadline = at->kill_at;
		if (at->log && at->log_until < deadline)
			deadline = at->log_until;
	}
	return deadline;
}

void containers_tick(int64_t now)
{
	for (struct container *at = first; at; at = at->next) {
		if (at->kill_at <= now) {
			at->kill_at = FOREVER;
			send_signal(at, SIGKILL);
		}
		if (at->log && at->log_until <= now) {
			at->log_until = FOREVER;
			log_hurry(at->log);
		}
	}
}
