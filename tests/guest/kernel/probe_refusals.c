// SPDX-License-Identifier: GPL-2.0 OR MIT
/* refusals: every request the monitor must refuse, and some it must take: "name ERRNO". */
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
#include <unistd.h>

#include "probe.h"

static int device;
static pid_t child;

static void tell(const char *name, long result)
{
	printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
}

static void send(const char *name, unsigned long command, void *request)
{
	tell(name, ioctl(device, command, request));
}

static void reg(const char *name, pid_t pid, uint64_t soft, uint64_t hard, const char *id)
{
	struct monitor_request request = request_v1(pid, soft, hard, id);

	send(name, MONITOR_REGISTER, &request);
}

static void unreg(const char *name, pid_t pid, const char *id)
{
	struct monitor_request request = request_v1(pid, 0, 0, id);

	send(name, MONITOR_UNREGISTER, &request);
}

static void values(void)
{
	struct monitor_request request = request_v1(child, MIB, 2 * MIB, "");
	struct monitor_request_v2 v2;

	reg("soft-above-hard", child, 3 * MIB, 2 * MIB, "a");
	reg("soft-zero", child, 0, 2 * MIB, "a");
	reg("hard-zero", child, MIB, 0, "a");
	reg("both-zero", child, 0, 0, "a");
	reg("id-empty", child, MIB, 2 * MIB, "");
	reg("id-newline", child, MIB, 2 * MIB, "a\nb");
	reg("id-escape", child, MIB, 2 * MIB, "a\033[2J");
	reg("id-space", child, MIB, 2 * MIB, "a pid=1");
	reg("id-delete", child, MIB, 2 * MIB, "a\177");
	reg("id-latin-1", child, MIB, 2 * MIB, "caf\351");
	reg("id-utf-8", child, MIB, 2 * MIB, "caf\303\251");
	memset(request.container_id, 'x', sizeof(request.container_id));
	send("id-without-nul", MONITOR_REGISTER, &request);
	send("unregister-id-without-nul", MONITOR_UNREGISTER, &request);

	v2 = request_v2(child, MIB, 2 * MIB, "a");
	v2.size--;
	send("v2-size", MONITOR_REGISTER_V2, &v2);
	v2 = request_v2(child, MIB, 2 * MIB, "a");
	v2.flags = 1;
	send("v2-flags", MONITOR_REGISTER_V2, &v2);
	v2 = request_v2(child, MIB, 2 * MIB, "a");
	v2.reserved = 1;
	send("v2-reserved", MONITOR_REGISTER_V2, &v2);
	v2 = request_v2(child, 3 * MIB, 2 * MIB, "a");
	send("v2-soft-above-hard", MONITOR_REGISTER_V2, &v2);
}

static volatile pid_t tid;

static void *wait_for_end(void *unused)
{
	tid = syscall(SYS_gettid);
	pause();
	return unused;
}

static void processes(void)
{
	pid_t ended;
	pthread_t thread;
	siginfo_t info;

	reg("pid-zero", 0, MIB, 2 * MIB, "a");
	reg("pid-negative", -1, MIB, 2 * MIB, "a");
	reg("pid-huge", 0x7fffffff, MIB, 2 * MIB, "a");
	ended = fork_into(0);
	if (!ended)
		_exit(0);
	waitid(P_PID, ended, &info, WEXITED | WNOWAIT);
	reg("zombie", ended, MIB, 2 * MIB, "a");
	waitpid(ended, NULL, 0);
	reg("ended", ended, MIB, 2 * MIB, "a");
	pthread_create(&thread, NULL, wait_for_end, NULL);
	while (!tid)
		sched_yield();
	reg("thread", tid, MIB, 2 * MIB, "a");
	reg("kernel-thread", 2, MIB, 2 * MIB, "a");
	reg("init", 1, 1ull << 60, 1ull << 60, "a");
}

static void commands_and_pointers(void)
{
	struct monitor_request request = request_v1(child, MIB, 2 * MIB, "a");
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(edge + 4096, 4096);
	send("command-unknown", _IOW('M', 6, struct monitor_request), &request);
	send("command-zero", 0, &request);
	send("command-other-magic", _IOW('N', 1, struct monitor_request), &request);
	send("command-other-size", _IOW('M', 1, char[44]), &request);
	send("command-other-direction", _IOR('M', 1, struct monitor_request), &request);
	send("pointer-null", MONITOR_REGISTER, NULL);
	send("pointer-kernel", MONITOR_REGISTER, (void *)0xffff888000000000ul);
	send("pointer-over-the-edge", MONITOR_REGISTER, edge + 4096 - sizeof(request) + 1);
	send("pointer-null-v2", MONITOR_REGISTER_V2, NULL);
	send("pointer-null-unregister", MONITOR_UNREGISTER, NULL);
	send("pointer-null-version", MONITOR_ABI_VERSION, NULL);
}

static void twice(void)
{
	struct monitor_request_v2 v2 = request_v2(child, 1ull << 50, 1ull << 50, "first");
	int other = open_device(0);

	unreg("unregister-unknown", child, "first");
	reg("register", child, 1ull << 50, 1ull << 50, "first");
	reg("same-process", child, 1ull << 50, 1ull << 50, "first");
	reg("same-process-other-id", child, 1ull << 50, 1ull << 50, "second");
	tell("same-process-other-file", ioctl(other, MONITOR_REGISTER_V2, &v2));
	unreg("unregister-other-id", child, "second");
	unreg("unregister", child, "first");
	unreg("unregister-again", child, "first");
	reg("longest-id", child, 1ull << 50, 1ull << 50, "0123456789012345678901234567890");
	tell("close-the-file", close(device));
	tell("register-after-close", ioctl(other, MONITOR_REGISTER_V2, &v2));
	tell("unregister-v2", ioctl(other, MONITOR_UNREGISTER_V2, &v2));
	close(other);
	device = open_device(O_NONBLOCK);
}

static void reading(void)
{
	struct pollfd poller = { .fd = device, .events = POLLIN };
	char buffer[4 * sizeof(struct monitor_event)];
	void *volatile nowhere = (void *)8; /* volatile: or the compiler warns of it */
	struct monitor_event *event = (void *)buffer;
	uint32_t version = 0;

	tell("read-nothing", read(device, buffer, sizeof(buffer)));
	tell("read-short", read(device, buffer, sizeof(struct monitor_event) - 1));
	tell("write", write(device, buffer, sizeof(buffer)));
	tell("seek", lseek(device, 0, SEEK_SET));
	printf("poll-nothing %d\n", poll(&poller, 1, 0));
	send("abi", MONITOR_ABI_VERSION, &version);
	printf("abi-number %u\n", version);

	reg("register-tiny", child, 1, 1, "tiny");
	poll(&poller, 1, 10000);
	tell("read-into-nowhere", read(device, nowhere, sizeof(buffer)));
	waitpid(child, NULL, 0);
	while (read(device, buffer, sizeof(*event)) < 0)
		poll(&poller, 1, 10000);
	printf("lost-into-nowhere %u\n", event->lost);
	reg("killed", child, MIB, 2 * MIB, "tiny");
}

/* Someone without the right, on a file that was opened by root. */
static void without_capability(void)
{
	struct monitor_request_v2 v2 = request_v2(child, 1ull << 50, 1ull << 50, "mine");
	uint32_t version;
	pid_t other = fork_into(0);

	if (other) {
		waitpid(other, NULL, 0);
		return;
	}
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		die("setresuid");
	reg("powerless-register", child, MIB, 2 * MIB, "mine");
	unreg("powerless-unregister", child, "mine");
	send("powerless-register-v2", MONITOR_REGISTER_V2, &v2);
	send("powerless-unregister-v2", MONITOR_UNREGISTER_V2, &v2);
	send("powerless-version", MONITOR_ABI_VERSION, &version);
	tell("powerless-open", open(DEVICE, O_RDWR));
	_exit(0);
}

int cmd_refusals(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	device = open_device(O_NONBLOCK);
	child = fork_into(0);
	if (!child) {
		close(device); /* else our closing it would not be its end */
		pause();
		_exit(0);
	}
	values();
	processes();
	commands_and_pointers();
	without_capability();
	twice();
	reading();
	return 0;
}
