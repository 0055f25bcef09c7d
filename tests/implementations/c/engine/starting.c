/*
 * Starting a container, up to the moment when its program has been executed, or has not
 *
 * The failure pipe tells: exec closes it, so its end means success, and what comes
 * before its end is what failed. A child that is killed before it gets there closes it
 * as well; the kernel's flag for "forked, but never executed" tells that apart.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor.h"

#define PF_FORKNOEXEC 0x40 /* include/linux/sched.h of the kernel; in /proc/PID/stat, field 9 */

static bool has_executed(pid_t pid)
{
	char path[32], text[512], *fields;
	unsigned int flags = 0;
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = 0;
	fields = strrchr(text, ')'); /* the name before it may hold anything */
	if (!fields || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) != 1)
		return false;
	return !(flags & PF_FORKNOEXEC);
}

static void explain(struct container *container, const struct failure *failure)
{
	static const char *const doing[] = {
		[STEP_PROCESS] = "setting up its process",
		[STEP_MOUNTS] = "making its mounts private",
		[STEP_ROOTFS] = "making the rootfs its root",
		[STEP_DEV] = "making its /dev",
		[STEP_PROC] = "mounting its /proc",
		[STEP_IDENTITY] = "giving it input, hostname and nice value",
		[STEP_FILTER] = "taking system calls away",
		[STEP_RIGHTS] = "giving up capabilities",
	};

	if (failure->step < STEP_EXEC)
		container_fail(container, EXIT_ENGINE, "container %s: %s failed: %s", container->id,
			       doing[failure->step], strerror(failure->error));
	else if (failure->step == STEP_EXEC_INTERPRETER)
		container_fail(container, EXIT_NOT_FOUND,
			       "%s: its interpreter or loader was not found in the rootfs %s",
			       container->program, container->rootfs);
	else if (failure->error == ENOENT || failure->error == ENOTDIR)
		container_fail(container, EXIT_NOT_FOUND, "%s: not found in the rootfs %s",
			       container->program, container->rootfs);
	else
		container_fail(container, EXIT_NOT_EXECUTABLE,
			       "%s: cannot be executed: %s; is it a program, and executable?", container->program,
			       strerror(failure->error));
}

void starting_failed(struct source *source, uint32_t events)
{
	struct container *container = OWNER_OF(source, struct container, failure);

	(void)events;
	/* region 04.failures */
	struct failure failure = { 0 };
	ssize_t size;

	do
		size = read(source->fd, &failure, sizeof(failure));
	while (size < 0 && errno == EINTR);
	if (size < 0 && errno == EAGAIN)
		return;
	loop_forget(source, true);
	if (size == (ssize_t)sizeof(failure)) {
		explain(container, &failure);
		return;
	}
	if (!has_executed(container->pid)) {
		container_fail(container, EXIT_ENGINE, "container %s was killed before its program was executed",
			       container->id);
		return;
	}
	/* endregion 04.failures */
	/* region 07.limits */
	int error = kernel_register(container);

	if (error) {
		container_fail(container, EXIT_ENGINE, "the kernel monitor refuses container %s: %s",
			       container->id, strerror(error));
		return;
	}
	/* endregion 07.limits */
	container_begins(container);
}

/* Whether the folder at this path is that one, or lies in it. */
static bool lies_in(const char *path, dev_t device, ino_t inode)
{
	/* region 02.sharing */
	int at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat here = { 0 }, before;
	bool found = false;

	while (at >= 0) {
		int above;

		before = here;
		if (fstat(at, &here))
			break;
		found = here.st_dev == device && here.st_ino == inode;
		if (found || (here.st_dev == before.st_dev && here.st_ino == before.st_ino))
			break;
		above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = above;
	}
	if (at >= 0)
		close(at);
	return found;
	/* endregion 02.sharing */
}

/* Check id and rootfs against every living container. Return: whether it may be. */
static bool is_free(struct connection *connection, const struct container *new)
{
	struct stat root;

	if (!stat("/", &root) && root.st_dev == new->device && root.st_ino == new->inode) {
		answer(connection, EXIT_ENGINE, 'e', "engine: / is the host's own root; name a copy of the base rootfs\n");
		return false;
	}
	/* region 02.identity */
	for (struct container *other = container_first(); other; other = other->next) {
		if (other->state == EXITED)
			continue;
		if (!strcmp(other->id, new->id)) {
			answer(connection, EXIT_ENGINE, 'e',
			       "engine: container %s lives; stop it first (engine stop %s), or take another id\n",
			       new->id, new->id);
			return false;
		}
		if (lies_in(new->rootfs, other->device, other->inode) ||
		    lies_in(other->rootfs, new->device, new->inode)) {
			answer(connection, EXIT_ENGINE, 'e',
			       "engine: the rootfs %s is in use by container %s; make a copy for this one\n",
			       new->rootfs, other->id);
			return false;
		}
	}
	/* endregion 02.identity */
	return true;
}

/* Make a container of a request, as far as that needs nobody else. NULL: answered. */
static struct container *prepare(struct connection *connection, char **request)
{
	struct container *container = calloc(1, sizeof(*container));
	struct stat status;

	if (!container) {
		answer(connection, EXIT_ENGINE, 'e', "engine: no memory left\n");
		return NULL;
	}
	container->end = (struct source){ -1, container_ended };
	container->failure = (struct source){ -1, starting_failed };
	container->log_end = (struct source){ -1, container_logged };
	container->monitor = -1;
	container->kernel_log = -1;
	container->kill_at = FOREVER;
	container->log_until = FOREVER;
	snprintf(container->id, sizeof(container->id), "%s", request[REQUEST_ID]);
	snprintf(container->program, sizeof(container->program), "%s", request[REQUEST_PROGRAM]);
	if (!parse_number(request[REQUEST_SOFT], 1, MOST_MIB, &container->soft_mib) ||
	    !parse_number(request[REQUEST_HARD], container->soft_mib, MOST_MIB, &container->hard_mib) ||
	    !parse_number(request[REQUEST_NICE], -20, 19, &container->nice)) {
		answer(connection, EXIT_ENGINE, 'e', "engine: limits or nice value out of range\n");
		goto refused;
	}
	container->rootfs = realpath(request[REQUEST_ROOTFS], NULL);
	if (!container->rootfs || stat(container->rootfs, &status) ||
	    (!S_ISDIR(status.st_mode) && (errno = ENOTDIR))) {
		answer(connection, EXIT_ENGINE, 'e', "engine: the rootfs %s: %s; copy the base rootfs to there\n",
		       request[REQUEST_ROOTFS], strerror(errno));
		goto refused;
	}
	container->device = status.st_dev;
	container->inode = status.st_ino;
	if (is_free(connection, container))
		return container;
refused:
	container_free(container);
	return NULL;
}

/* Make the child. Return: whether it was made; errno where it was not. */
static bool clone_child(struct container *container, struct child *child, int ends[2])
{
	int cgroup = cgroup_make(container), error;
	char go = 'g';

	/* region 01.flags */
	struct clone_args arguments = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&container->end.fd,
		.exit_signal = SIGCHLD,
	};

	if (cgroup >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (uint64_t)cgroup;
	}
	container->pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));
	if (!container->pid)
		child_become(child);
	/* endregion 01.flags */
	error = errno;
	if (cgroup >= 0)
		close(cgroup);
	if (container->pid > 0) {
		/* In this order: it must be in the keeper's hands before it may begin. */
		keeper_take(container->end.fd);
		if (write(ends[1], &go, 1) != 1)
			syscall(SYS_pidfd_send_signal, container->end.fd, SIGKILL, NULL, 0);
	} else {
		container->end.fd = -1;
		container->pid = 0;
	}
	errno = error;
	return container->pid > 0;
}

void container_start(struct connection *connection, char **request)
{
	struct container *container = prepare(connection, request);
	int output = -1, log_done = -1, failure[2] = { -1, -1 }, go[2] = { -1, -1 }, error;
	static unsigned int serial;
	struct child child;
	bool made = false;

	if (!container)
		return;
	snprintf(container->log_path, sizeof(container->log_path), LOG_FOLDER "/.new-%u", ++serial);
	container->log = log_begin(container->log_path, &output, &log_done);
	if (container->log && !pipe2(failure, O_CLOEXEC) && !pipe(go)) {
		child = (struct child){
			.id = container->id,
			.rootfs = container->rootfs,
			.device = container->device,
			.inode = container->inode,
			.nice = (int)container->nice,
			.argv = request + REQUEST_PROGRAM,
			.output = output,
			.failure = failure[1],
			.go = go[0],
			.go_write = go[1],
			.files = files_at_start,
		};
		made = clone_child(container, &child, go);
	}
	error = errno;
	/* Before anybody else is cloned: a copy of one of these in a stranger would keep it open. */
	for (int i = 0; i < 2; i++)
		if (go[i] >= 0)
			close(go[i]);
	if (failure[1] >= 0)
		close(failure[1]);
	if (output >= 0)
		close(output);
	if (!made) {
		answer(connection, EXIT_ENGINE, 'e', "engine: container %s cannot be made: %s\n", container->id,
		       strerror(error));
		if (failure[0] >= 0)
			close(failure[0]);
		if (container->log)
			unlink(container->log_path);
		if (log_done >= 0) {
			container->log_end.fd = log_done;
			loop_forget(&container->log_end, true);
		}
		container_free(container);
		return;
	}
	container->started = time(NULL);
	container_adopt(container);
	connection_waits_for(connection, container);
	fcntl(failure[0], F_SETFL, O_NONBLOCK);
	if (!loop_watch(&container->end, container->end.fd, EPOLLIN) ||
	    !loop_watch(&container->failure, failure[0], EPOLLIN) ||
	    !loop_watch(&container->log_end, log_done, EPOLLIN)) {
		/* Epoll needs memory for each; without it this supervisor cannot keep what it promises. */
		complain("no memory left");
		abort();
	}
}
