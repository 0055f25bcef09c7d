// SPDX-License-Identifier: MIT
/*
 * The grader's eyes and hands in a guest: one static program, started before the submission is
 * delivered, from a disk that the guest cannot write. Its standard input and output lead to the host.
 *
 * It believes nobody: it looks at processes through a procfs of its own that no mount can cover,
 * reads the kernel's log from a descriptor that was opened before, and runs no shell. It is one
 * thread and one epoll loop; programs that it starts (jobs) are its children, with time limits
 * and output limits that hold.
 */
#define _GNU_SOURCE
#include "observer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int proc, events;

static int is_greeted;

static void kernel_ready(struct source *source);

static struct source kernel = { .ready = kernel_ready };

static void hello(const struct request *request);

static const struct {
	const char *name;
	void (*answer)(const struct request *request);
} answers[] = {
	{ "start", job_start },	    { "signal", job_signal }, { "processes", look_processes },
	{ "read", look_read },	    { "write", look_write },  { "stat", look_stat },
	{ "list", look_list },	    { "link", look_link },    { "open", handle_open },
	{ "ioctl", handle_ioctl },  { "connect", handle_connect },
	{ "send", handle_send },    { "close", handle_close },	 { "root", root_make },
	{ "bystanders", look_bystanders }, { "search", search_files },
	{ "executors", handle_executors }, { "hello", hello },
};

void watch(struct source *source, uint32_t what)
{
	struct epoll_event event = { .events = what, .data.ptr = source };

	if (epoll_ctl(events, EPOLL_CTL_ADD, source->fd, &event) && errno == EEXIST)
		epoll_ctl(events, EPOLL_CTL_MOD, source->fd, &event);
}

void unwatch(struct source *source)
{
	epoll_ctl(events, EPOLL_CTL_DEL, source->fd, NULL);
}

static void answer(uint32_t number, const char *bytes, size_t length)
{
	struct request request = { .number = number };

	while (length >= 4 && request.count < FIELDS_MAX) {
		uint32_t size;

		memcpy(&size, bytes, 4);
		if (size > length - 4)
			break;
		request.fields[request.count++] = (struct field){ bytes + 4, size };
		bytes += 4 + size;
		length -= 4 + size;
	}
	for (size_t i = 0; request.count && i < sizeof(answers) / sizeof(answers[0]); i++) {
		if (strlen(answers[i].name) == request.fields[0].length &&
		    !memcmp(answers[i].name, request.fields[0].bytes, request.fields[0].length)) {
			answers[i].answer(&request);
			return;
		}
	}
	reply_failure(number, ENOSYS, "a request that the observer does not know");
}

/* Requests come in pieces; whole ones are answered, the rest is kept. */
static void input_ready(struct source *source)
{
	static char *input;
	static size_t length, room;
	size_t used = 0;
	ssize_t got;

	if (room - length < 65536) {
		room = 2 * (length + 65536);
		input = must_allocate(input, room);
	}
	got = read(source->fd, input + length, room - length);
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		exit(0);	/* the host has gone: nobody is left to observe for */
	if (got > 0)
		length += (size_t)got;
	/* What the kernel said before a request goes out before its answer; it wakes nobody at once. */
	kernel_ready(&kernel);
	while (length - used >= HEADER) {
		uint32_t size, number;

		memcpy(&size, input + used, 4);
		if (size < HEADER - 4 || size > FRAME_MAX)
			exit(65);
		if (length - used < 4 + (size_t)size)
			break;
		memcpy(&number, input + used + 4, 4);
		answer(number, input + used + HEADER, 4 + size - HEADER);
		used += 4 + size;
	}
	memmove(input, input + used, length - used);
	length -= used;
}

/*
 * hello | token | the host's time in ns since the epoch, or 0 to leave the clock alone
 *
 * The guest may be a copy of one that was saved while the observer waited for this: what the kernel said
 * before is nobody's business, and the clock is late.
 */
static void hello(const struct request *request)
{
	struct message message = { 0 };
	unsigned long long now;

	if (request->count != 3 || request->fields[1].length != sizeof(token)) {
		reply_failure(request->number, EINVAL, "hello");
		return;
	}
	memcpy(&token, request->fields[1].bytes, sizeof(token));
	now = (unsigned long long)field_number(&request->fields[2]);
	if (now) {
		struct timespec time = { (time_t)(now / 1000000000u), (long)(now % 1000000000u) };

		clock_settime(CLOCK_REALTIME, &time);
	}
	searching_begins();
	lseek(kernel.fd, 0, SEEK_END);
	watch(&kernel, EPOLLIN);
	is_greeted = 1;
	send_message(request->number, REPLY, &message);
}

static void kernel_ready(struct source *source)
{
	char record[8192];
	ssize_t got;

	if (!is_greeted)
		return;
	while ((got = read(source->fd, record, sizeof(record))) > 0 || (got < 0 && errno == EPIPE)) {
		struct message message = { 0 };

		/* EPIPE: records were overwritten before they were read; the sequence numbers show the gap. */
		if (got > 0) {
			put_field(&message, record, (size_t)got);
			send_message(0, KERNEL, &message);
		}
	}
}

static void child_ready(struct source *source)
{
	struct signalfd_siginfo info[16];

	while (read(source->fd, info, sizeof(info)) > 0)
		;
	jobs_reap();
}

static int own_procfs(void)
{
	int context = (int)syscall(SYS_fsopen, "proc", 1 /* FSOPEN_CLOEXEC */);

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	return (int)syscall(SYS_fsmount, context, 1 /* FSMOUNT_CLOEXEC */, 0);
}

int main(int count, char **words)
{
	static struct source input = { .ready = input_ready, .fd = STDIN_FILENO };
	static struct source child = { .ready = child_ready };
	static struct source output = { .fd = STDOUT_FILENO };
	sigset_t blocked;

	if (count == 5 && !strcmp(words[1], "roots"))	/* BASE POOL COUNT, before the guest is saved */
		return roots_prepare(words[2], words[3], atoi(words[4]));
	proc = own_procfs();
	kernel.fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	events = epoll_create1(EPOLL_CLOEXEC);
	if (proc < 0 || kernel.fd < 0 || events < 0)
		return 71;
	/* A hog of processor or memory shall not blind it; jobs take this back (jobs.c). */
	setpriority(PRIO_PROCESS, 0, -20);
	mlockall(MCL_CURRENT | MCL_FUTURE);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	int adjust = openat(proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (adjust >= 0) {
		(void)!write(adjust, "-1000", 5);
		close(adjust);
	}
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigaddset(&blocked, SIGPIPE);
	sigaddset(&blocked, SIGHUP);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigdelset(&blocked, SIGPIPE);
	sigdelset(&blocked, SIGHUP);
	child.fd = signalfd(-1, &blocked, SFD_NONBLOCK | SFD_CLOEXEC);
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
	watch(&input, EPOLLIN);
	watch(&child, EPOLLIN);

	for (;;) {
		struct epoll_event ready[32];
		int count;

		if (flush_output())
			return 0;
		if (output_pending())
			watch(&output, EPOLLOUT);
		else
			unwatch(&output);
		count = epoll_wait(events, ready, 32, jobs_next_deadline());
		for (int i = 0; i < count; i++) {
			struct source *source = ready[i].data.ptr;

			if (source->ready)
				source->ready(source);
		}
		kernel_ready(&kernel);	/* as above: what it said before a program's end */
		jobs_expire();
	}
}
