// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * fuzz COUNT SEED: random system calls on the device; harmless to everybody but our children.
 * churn COUNT SEED SECONDS: containers that end while, before or after they are registered.
 *   Where no namespace is left, it waits as long for one to be freed.
 * knock MS SEED: opens, registers and closes as long, whether the module is there or not.
 * crowd COUNT SAMPLES: that many containers at once; prints how long the scans took.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static uint64_t state;

static uint64_t random_number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t below(uint64_t end)
{
	return random_number() % end;
}

static pid_t start_sleeper(int namespaces)
{
	pid_t pid = fork_into(namespaces);

	if (!pid) {
		close_range(3, ~0u, 0); /* the device is not ours to hold open */
		alarm(120);
		pause();
		_exit(0);
	}
	return pid;
}

#define FILES 4
#define CHILDREN 8

static pid_t children[CHILDREN];

/* Only our own children may get limits that could kill. */
static void random_request(struct monitor_request *v1, struct monitor_request_v2 *v2)
{
	static const pid_t strange[] = { 0, -1, 1, 2, 0x7fffffff, -0x7fffffff - 1, 4194305 };
	int ours = below(4) > 0;
	pid_t pid = ours ? children[below(CHILDREN)] : strange[below(7)];
	uint64_t soft = below(6) ? 1 + below(ours ? 4 * MIB : 1) : 0;
	uint64_t hard = below(6) ? soft + below(64 * MIB) : below(2 * MIB);

	if (!ours || below(3)) {
		soft |= 1ull << 50;
		hard |= 1ull << 51;
	}
	if (!below(8))
		hard = random_number() >> 1;
	if (!ours && hard < 1ull << 50)
		hard = soft = ~0ull;
	*v1 = request_v1(pid, soft, hard, "fuzz");
	*v2 = request_v2(pid, soft, hard, "fuzz");
	for (int i = 0; i < MONITOR_ID_SIZE && !below(4); i++)
		v1->container_id[below(MONITOR_ID_SIZE)] = v2->container_id[i] = random_number();
	if (!below(16))
		v2->size = random_number();
	if (!below(16))
		v2->flags = random_number();
	if (!below(16))
		v2->reserved = random_number();
}

static unsigned long random_command(void)
{
	static const unsigned long known[] = {
		MONITOR_REGISTER,      MONITOR_UNREGISTER,  MONITOR_REGISTER_V2,
		MONITOR_UNREGISTER_V2, MONITOR_ABI_VERSION,
	};
	unsigned long command = known[below(5)];

	if (!below(4))
		command ^= 1ul << below(32);
	if (!below(8))
		command = random_number() & 0xffffffff;
	return command;
}

static long random_ioctl(int device)
{
	struct monitor_request v1;
	struct monitor_request_v2 v2;
	unsigned long command = random_command();
	void *argument;

	random_request(&v1, &v2);
	argument = _IOC_SIZE(command) == sizeof(v2) ? (void *)&v2 : (void *)&v1;
	if (!below(16))
		argument = (void *)random_number();
	/* On any file, some of these numbers are the kernel's own, and one blocks. */
	if (_IOC_TYPE(command) != 'M')
		command = (command & ~0xff00ul) | 'm' << 8;
	return ioctl(device, command, argument);
}

static void random_other(int *device)
{
	struct monitor_event events[4];
	struct pollfd poller = { .fd = *device, .events = POLLIN | POLLOUT };
	int which;

	switch (below(8)) {
	case 0:
		if (read(*device, (void *)random_number(), below(400)) > 0)
			printf("read into nowhere\n");
		break;
	case 1:
		poll(&poller, 1, 0);
		break;
	case 2:
		if (below(20))
			break;
		close(*device);
		*device = open_device(O_NONBLOCK);
		break;
	case 3:
		if (below(20))
			break;
		which = below(CHILDREN);
		kill(children[which], SIGKILL);
		waitpid(children[which], NULL, 0);
		children[which] = start_sleeper(below(2) ? CLONE_NEWPID : 0);
		break;
	default:
		if (read(*device, events, below(sizeof(events) + 1)) < -1)
			break;
	}
}

int cmd_fuzz(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000, taken = 0, refused = 0;
	int devices[FILES];

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (int i = 0; i < FILES; i++)
		devices[i] = open_device(O_NONBLOCK);
	for (int i = 0; i < CHILDREN; i++)
		children[i] = start_sleeper(i % 2 ? CLONE_NEWPID : 0);
	for (unsigned long i = 0; i < count; i++) {
		int which = below(FILES);

		if (random_ioctl(devices[which]) < 0)
			refused++;
		else
			taken++;
		if (!below(8))
			random_other(&devices[which]);
	}
	for (int i = 0; i < CHILDREN; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	printf("taken=%lu refused=%lu\n", taken, refused);
	return 0;
}

/* Take all events that wait and count the ends. */
static void count_ends(int device, unsigned long *gone, unsigned long *lost)
{
	struct monitor_event events[16];
	ssize_t size;

	while ((size = read(device, events, sizeof(events))) > 0)
		for (unsigned int k = 0; k < size / sizeof(*events); k++) {
			*gone += events[k].type == MONITOR_EVENT_GONE;
			*lost += events[k].lost;
		}
}

/* Each child ends at a random moment; each is registered and perhaps given up again. */
int cmd_churn(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	unsigned long taken = 0, late = 0, given_up = 0, gone = 0, lost = 0, other = 0;
	time_t patience = argc > 3 ? strtol(argv[3], NULL, 10) : 10;
	int device = open_device(O_NONBLOCK);

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (unsigned long i = 0; i < count; i++) {
		uint64_t when = below(4), after = below(200);
		struct timespec begun, now;
		pid_t pid;

		/*
		 * The module lets go of the dead in its next scan, and the kernel of a namespace
		 * after a grace period: a fast machine uses up a limit before either.
		 */
		clock_gettime(CLOCK_MONOTONIC, &begun);
		while ((pid = try_fork_into(i % 4 ? 0 : CLONE_NEWPID)) < 0) {
			struct pollfd poller = { .fd = device, .events = POLLIN };

			clock_gettime(CLOCK_MONOTONIC, &now);
			if (errno != ENOSPC || now.tv_sec - begun.tv_sec > patience)
				die("clone");
			poll(&poller, 1, 20);
			count_ends(device, &gone, &lost);
		}
		if (!pid) {
			for (volatile uint64_t spin = after * 50; when && spin; spin--)
				;
			_exit(0);
		}

		struct monitor_request_v2 request = request_v2(pid, 1 + below(64 * MIB), 1ull << 50, "churn");

		if (!ioctl(device, MONITOR_REGISTER_V2, &request))
			taken++;
		else if (errno == ESRCH)
			late++;
		else
			other++;
		if (when == 2)
			waitpid(pid, NULL, 0);
		if (when >= 2 && !ioctl(device, MONITOR_UNREGISTER_V2, &request))
			given_up++;
		if (when != 2)
			waitpid(pid, NULL, 0);
		count_ends(device, &gone, &lost);
	}
	/* The last ends are told by the next scan. */
	for (int all = 0; !all;) {
		struct pollfd poller = { .fd = device, .events = POLLIN };

		all = taken == given_up + gone + lost || poll(&poller, 1, 5000) < 1;
		count_ends(device, &gone, &lost);
	}
	printf("taken=%lu late=%lu given-up=%lu gone=%lu lost=%lu other=%lu\n",
	       taken, late, given_up, gone, lost, other);
	return 0;
}

int cmd_knock(int argc, char **argv)
{
	struct timespec now, pause_time = { 0, 0 };
	uint64_t end;
	unsigned long opened = 0, absent = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec * 1000ull + (argc > 1 ? strtoull(argv[1], NULL, 10) : 1000);
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	while (clock_gettime(CLOCK_MONOTONIC, &now), now.tv_sec * 1000ull < end) {
		int device = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
		struct monitor_request_v2 request;
		struct pollfd poller = { .fd = device, .events = POLLIN };
		pid_t pid;

		if (device < 0) {
			absent++;
			sched_yield();
			continue;
		}
		opened++;
		pid = start_sleeper(CLONE_NEWPID);
		request = request_v2(pid, 1, below(2) ? 1 : 1ull << 50, "knock");
		if (ioctl(device, MONITOR_REGISTER_V2, &request))
			die("register");
		if (below(2)) /* its first event; or close just before it */
			poll(&poller, 1, 500);
		close(device);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pause_time.tv_nsec = below(50) * 1000000;
		nanosleep(&pause_time, NULL); /* room for rmmod */
	}
	printf("opened=%lu absent=%lu\n", opened, absent);
	return 0;
}

int cmd_crowd(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 500, samples = argc > 2 ? atoi(argv[2]) : 20;
	struct timespec pause_time = { 0, 150000000 };
	struct rlimit most = { 65536, 65536 };
	int device = open_device(O_NONBLOCK);
	pid_t *pids = calloc(count, sizeof(*pids));
	char line[32];

	setrlimit(RLIMIT_NPROC, &most);
	for (int i = 0; i < count; i++) {
		char id[MONITOR_ID_SIZE];

		pids[i] = start_sleeper(CLONE_NEWPID);
		snprintf(id, sizeof(id), "crowd-%d", i);

		struct monitor_request_v2 request = request_v2(pids[i], 1ull << 40, 1ull << 41, id);

		if (ioctl(device, MONITOR_REGISTER_V2, &request))
			die("register");
	}
	for (int i = 0; i < samples; i++) {
		FILE *parameter = fopen("/sys/module/monitor/parameters/last_scan_ns", "r");

		nanosleep(&pause_time, NULL);
		if (!parameter || !fgets(line, sizeof(line), parameter))
			die("last_scan_ns");
		fclose(parameter);
		printf("scan %s", line);
	}
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < count; i++)
		waitpid(pids[i], NULL, 0);
	free(pids);
	return 0;
}
