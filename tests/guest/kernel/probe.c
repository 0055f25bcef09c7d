// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The probe's entry, and what its commands share. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

_Noreturn void die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(2);
}

int open_device(int flags)
{
	int device = open(DEVICE, O_RDWR | O_CLOEXEC | flags);

	if (device < 0)
		die(DEVICE);
	return device;
}

pid_t try_fork_into(int namespaces)
{
	return syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
}

pid_t fork_into(int namespaces)
{
	pid_t pid = try_fork_into(namespaces);

	if (pid < 0)
		die("clone");
	return pid;
}

struct monitor_request request_v1(pid_t pid, uint64_t soft, uint64_t hard, const char *id)
{
	struct monitor_request request = {
		.pid = pid,
		.soft_limit_bytes = soft,
		.hard_limit_bytes = hard,
	};

	strncpy(request.container_id, id, sizeof(request.container_id));
	return request;
}

struct monitor_request_v2 request_v2(pid_t pid, uint64_t soft, uint64_t hard, const char *id)
{
	struct monitor_request_v2 request = {
		.size = sizeof(request),
		.pid = pid,
		.soft_limit_bytes = soft,
		.hard_limit_bytes = hard,
	};

	strncpy(request.container_id, id, sizeof(request.container_id));
	return request;
}

/* How fast is this machine? The same loop is timed on the host: spin ROUNDS. */
static int cmd_spin(int argc, char **argv)
{
	unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	struct timespec from, to;
	uint64_t x = 88172645463325252ull;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (unsigned long i = 0; i < rounds; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	printf("ns=%lld check=%llx\n",
	       (to.tv_sec - from.tv_sec) * 1000000000ll + to.tv_nsec - from.tv_nsec,
	       (unsigned long long)x);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "refusals", cmd_refusals }, { "container", cmd_container },
		{ "fuzz", cmd_fuzz },         { "churn", cmd_churn },
		{ "knock", cmd_knock },       { "crowd", cmd_crowd },
		{ "spin", cmd_spin },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "probe: no such command\n");
	return 2;
}
