// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * container BEHAVIOUR MIB SOFT_MIB HARD_MIB v1|v2 own|none LIFE_MS: one container, from start to
 * end, with the one or other version of the interface, in a PID namespace of its own or not.
 * Its first process waits until it is registered, then behaves. Ended by us after LIFE_MS.
 *	event TYPE pid=N same-pid=0|1 rss=N limit=N lost=N after-ms=N id=ID
 *	dead after-ms=N		when it was seen to be dead
 *	end exit=N signal=N outlived=0|1
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

#define STEP_MS 30
#define ONE_LOOK_MS 400 /* a few scan intervals, slow machines included */

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

static void rest(unsigned int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&time, NULL);
}

static char *touch(uint64_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	memset(memory, 1, bytes);
	return memory;
}

static void step(uint64_t mib, void (*between)(void))
{
	while (mib--) {
		touch(MIB);
		between();
	}
}

static void idle(void)
{
	rest(STEP_MS);
}

static void busy(void)
{
	for (uint64_t end = now_ms() + STEP_MS; now_ms() < end;)
		;
}

static _Noreturn void spin(void)
{
	for (volatile unsigned long i = 0;; i++)
		;
}

static void *thread_touches(void *mib)
{
	touch(*(uint64_t *)mib * MIB);
	spin();
}

/* A child that shares our memory, as between vfork() and exec(). */
static int sleeper(void *unused)
{
	(void)unused;
	rest(3 * ONE_LOOK_MS);
	_exit(0);
}

static void behave(const char *how, uint64_t mib)
{
	static char stack[65536] __attribute__((aligned(16)));
	pthread_t thread;
	char *memory;

	if (!strcmp(how, "idle")) {
		step(mib, idle);
		pause();
	} else if (!strcmp(how, "busy")) {
		step(mib, busy);
		spin();
	} else if (!strcmp(how, "jump")) { /* the memory is there already, see cmd_container() */
		pause();
	} else if (!strcmp(how, "child")) {
		if (!fork_into(0))
			behave("busy", mib);
		pause();
	} else if (!strcmp(how, "children")) { /* each small, together too much */
		for (int i = 0; i < 4; i++)
			if (!fork_into(0))
				behave("idle", mib / 4);
		pause();
	} else if (!strcmp(how, "orphan")) { /* its parent is gone: adopted by PID 1 */
		pid_t middle = fork_into(0);

		if (!middle) {
			if (!fork_into(0))
				behave("idle", mib);
			_exit(0);
		}
		waitpid(middle, NULL, 0);
		pause();
	} else if (!strcmp(how, "nested")) {
		if (!fork_into(CLONE_NEWPID))
			behave("idle", mib);
		pause();
	} else if (!strcmp(how, "thread")) { /* the first thread ends, another one takes memory */
		pthread_create(&thread, NULL, thread_touches, &mib);
		syscall(SYS_exit, 0);
	} else if (!strcmp(how, "stopped")) {
		touch(mib * MIB);
		raise(SIGSTOP);
		kill(getpid(), SIGSTOP);
		pause();
	} else if (!strcmp(how, "waves")) { /* up and down, three times */
		for (int i = 0; i < 3; i++) {
			memory = touch(mib * MIB);
			rest(ONE_LOOK_MS);
			munmap(memory, mib * MIB);
			rest(ONE_LOOK_MS);
		}
	} else if (!strcmp(how, "vfork")) {
		touch(mib * MIB);
		clone(sleeper, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	} else if (!strcmp(how, "quiet")) {
		touch(mib * MIB);
		rest(ONE_LOOK_MS);
	}
}

/* Print the events that are there, or, on a blocking file, one. Return: whether the end was told. */
static int print_events(int device, pid_t pid, uint64_t since, int most)
{
	struct monitor_event event;
	int gone = 0;

	while (most-- && read(device, &event, sizeof(event)) == sizeof(event)) {
		printf("event %u pid=%d same-pid=%d rss=%llu limit=%llu lost=%u after-ms=%lld id=%s\n",
		       event.type, event.pid, event.pid == pid, event.rss_bytes,
		       event.limit_bytes, event.lost, (long long)(event.time_ns / 1000000 - since),
		       event.container_id);
		gone |= event.type == MONITOR_EVENT_GONE;
	}
	return gone;
}

int cmd_container(int argc, char **argv)
{
	int device = open_device(O_NONBLOCK), barrier[2], ready[2], status, v1, gone = 0, outlived = 0;
	uint64_t mib, soft, hard, since, deadline, now;
	char byte;
	pid_t pid;

	if (argc != 8 || pipe(barrier) || pipe(ready))
		die("container BEHAVIOUR MIB SOFT_MIB HARD_MIB v1|v2 own|none LIFE_MS");
	mib = strtoull(argv[2], NULL, 10);
	soft = strtoull(argv[3], NULL, 10) * MIB;
	hard = strtoull(argv[4], NULL, 10) * MIB;
	v1 = !strcmp(argv[5], "v1");
	pid = fork_into(strcmp(argv[6], "own") ? 0 : CLONE_NEWPID);
	if (!pid) {
		close(device);
		close(barrier[1]);
		setpgid(0, 0);
		if (!strcmp(argv[1], "jump")) /* all of it between two looks: before the first */
			touch(mib * MIB);
		if (write(ready[1], "", 1) == 1 && read(barrier[0], &byte, 1) == 1)
			behave(argv[1], mib);
		_exit(7);
	}

	if (read(ready[0], &byte, 1) != 1)
		die("the container");

	struct pollfd poller[2] = { { .fd = device, .events = POLLIN }, { .events = POLLIN } };
	struct monitor_request old = request_v1(pid, soft, hard, argv[1]);
	struct monitor_request_v2 new = request_v2(pid, soft, hard, argv[1]);

	if (ioctl(device, v1 ? MONITOR_REGISTER : MONITOR_REGISTER_V2, v1 ? (void *)&old : &new))
		die("register");
	since = now_ms();
	deadline = since + strtoull(argv[7], NULL, 10);
	poller[1].fd = syscall(SYS_pidfd_open, pid, 0);
	if (poller[1].fd < 0 || write(barrier[1], "", 1) != 1)
		die("barrier");
	while ((now = now_ms()) < deadline && !(poller[1].revents & POLLIN))
		if (poll(poller, 2, deadline - now) > 0 && !(poller[1].revents & POLLIN))
			gone |= print_events(device, pid, since, -1);
	outlived = !(poller[1].revents & POLLIN);
	printf("dead after-ms=%lld\n", (long long)(now_ms() - since));
	gone |= print_events(device, pid, since, -1);

	/* What it left in the group (a process that was not in a namespace) goes as well. */
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	printf("end exit=%d signal=%d outlived=%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	       WIFSIGNALED(status) ? WTERMSIG(status) : 0, outlived);

	/* The last thing told of a container is its end; wait for it in read() itself. */
	if (fcntl(device, F_SETFL, 0))
		die("fcntl");
	while (!gone)
		gone = print_events(device, pid, since, 1);
	return 0;
}
