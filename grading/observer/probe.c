// SPDX-License-Identifier: MIT
/*
 * What the checks run inside containers: one static program that does one plain thing. Its words are
 * its arguments, or stand in a file beside it.
 *
 *   probe view NONCE [SECONDS] […]   what the world looks like from here, in /view-NONCE: lines "NONCE key
 *                                hex-of-value"; then sleeps
 *   probe write FD HEX           exactly these bytes, then exit 0
 *   probe lines NONCE COUNT [PAUSE_US]   "NONCE 1\n" to "NONCE COUNT\n", then exit 0
 *   probe flood NONCE MIB        so many MiB of numbered lines, then exit 0
 *   probe torn NONCE             a line, half a line without its end, then waits to be killed
 *   probe exit CODE [NONCE]      with a nonce once /go-NONCE is there, or after some seconds
 *   probe die SIGNAL | sleep SECONDS
 *   probe deaf                   sleeps and has no handler: as PID 1 it is not reached by SIGTERM (pid_namespaces(7))
 *   probe polite CODE NONCE      says "NONCE ready"; on SIGTERM makes /term-NONCE, says "NONCE bye", exits with CODE
 *   probe stubborn [NONCE]       does nothing on SIGTERM but make /term-NONCE
 *   probe hold MIB [SECONDS]     so much resident memory, idle
 *   probe grow STEP_MIB PAUSE_MS MOST_MIB [busy]   grows step by step; then idle, or busy and never asleep
 *   probe wave MIB               on SIGUSR1, or after some seconds, grows to so much, lets it go and takes it again, with
 *                                more than a second between; then idle
 *   probe told NONCE STEP_MIB PAUSE_MS MOST_MIB [busy]   the same once /go-NONCE is there, or after some seconds
 *   probe crowd COUNT MIB        so many children, each with so much resident memory
 *   probe burn SECONDS           nothing but processor time
 *   probe orphans COUNT          children that end as orphans, then sleeps
 *   probe calls NONCE            which system calls a container is better without can be made here; what it found is in
 *                                /view-NONCE
 *   probe escape NONCE           tries what leads out of a chroot; what it found is in /view-NONCE
 *   probe unprivileged DEVICE CODE HEX   an ioctl by a process that opened the device and then gave up its rights
 *   probe opens PATH             whether this user can open it: prints errno, 0 for yes
 *   probe relay PATH             takes the place of a UNIX socket, says "ready", and passes on what its clients send in
 *                                pieces; until SIGTERM, or for a minute
 *
 * Where nothing else is said, SIGTERM ends it at once, so that no check waits for a time of grace that it is not about.
 */
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void pause_us(long us)
{
	struct timespec time = { us / 1000000, us % 1000000 * 1000 };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t done = write(fd, bytes, length);

		if (done < 0 && errno != EINTR && errno != EAGAIN)
			exit(3);
		if (done > 0) {
			bytes += done;
			length -= (size_t)done;
		}
	}
}

static int write_hex(int fd, const char *hex)
{
	size_t length = strlen(hex) / 2;
	char *bytes = malloc(length + 1);

	for (size_t i = 0; i < length; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		bytes[i] = (char)strtol(pair, NULL, 16);
	}
	write_all(fd, bytes, length);
	return 0;
}

static int lines(const char *nonce, long count, long pause)
{
	for (long i = 1; i <= count; i++) {
		char line[128];

		write_all(1, line, (size_t)snprintf(line, sizeof(line), "%.64s %ld\n", nonce, i));
		if (pause)
			pause_us(pause);
	}
	return 0;
}

static int flood(const char *nonce, long mib)
{
	static char block[65536 + 256];
	size_t total = (size_t)mib << 20, written = 0, length = 0;
	long number = 0;

	while (written + length < total) {
		length += (size_t)snprintf(block + length, 256, "%.64s %ld %060ld\n", nonce, number, number);
		number++;
		if (length >= 65536) {
			write_all(1, block, length);
			written += length;
			length = 0;
		}
	}
	write_all(1, block, length);
	return 0;
}

static char *touch(size_t mib)
{
	char *memory = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		exit(4);
	for (size_t at = 0; at < mib << 20; at += 4096)
		memory[at] = 1;
	return memory;
}

static void burn(double seconds)
{
	time_t end = time(NULL) + (time_t)seconds;
	volatile unsigned long counter = 0;

	while (seconds <= 0 || time(NULL) < end)
		for (int i = 0; i < 100000; i++)
			counter++;
}

static void grow(long step, long wait_ms, long most, int busy)
{
	for (long held = 0; held + step <= most; held += step) {
		touch((size_t)step);
		printf("held %ld\n", held + step);
		fflush(stdout);
		if (busy && wait_ms) {
			struct timespec began, now;

			clock_gettime(CLOCK_MONOTONIC, &began);
			do
				clock_gettime(CLOCK_MONOTONIC, &now);
			while ((now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000 < wait_ms);
		} else if (wait_ms) {
			pause_us(wait_ms * 1000);
		}
	}
	if (busy)
		burn(0);
	for (;;)
		pause();
}

/* A monitor that looks once a second sees each of its states. */
static void wave(size_t mib)
{
	enum { STATE_US = 1200000, STEP_US = 40000, STEP_MIB = 4 };
	const struct timespec most = { 5, 0 };
	size_t held;
	char *steps[64];
	sigset_t told;

	/* Of PID 1 of a namespace, too: a signal that is blocked is kept, whatever its handler (kernel/signal.c, sig_ignored). */
	sigemptyset(&told);
	sigaddset(&told, SIGUSR1);
	sigprocmask(SIG_BLOCK, &told, NULL);
	sigtimedwait(&told, NULL, &most);
	for (held = 0; held < mib / STEP_MIB && held < 64; held++) {
		steps[held] = touch(STEP_MIB);
		pause_us(STEP_US);
	}
	printf("held %zu\n", held * STEP_MIB);
	fflush(stdout);
	pause_us(STATE_US);
	while (held)
		munmap(steps[--held], STEP_MIB << 20);
	pause_us(STATE_US);
	touch(mib);
	printf("again %zu\n", mib);
	fflush(stdout);
	for (;;)
		pause();
}

/* Where the engine has copied the rootfs, nobody can tell: then this goes on by itself. */
static void await_go(const char *nonce)
{
	enum { LOOK_US = 20000, MOST_US = 3000000 };
	char path[96];

	snprintf(path, sizeof(path), "/go-%.64s", nonce);
	for (long waited = 0; waited < MOST_US && access(path, F_OK); waited += LOOK_US)
		pause_us(LOOK_US);
}

static void crowd(long count, long mib)
{
	for (long i = 0; i < count; i++) {
		if (!fork()) {
			touch((size_t)mib);
			for (;;)
				pause();
		}
	}
	printf("crowd %ld\n", count);
	fflush(stdout);
	for (;;)
		pause();
}

static int exit_code;
static char last_words[96], mark[96];

static void leave(int number)
{
	(void)number;
	close(open(mark, O_CREAT | O_WRONLY, 0644));
	(void)!write(1, last_words, strlen(last_words));
	_exit(exit_code);
}

static void stay(int number)
{
	(void)number;
	if (*mark)
		close(open(mark, O_CREAT | O_WRONLY, 0644));
}

static void end_at_once(int number)
{
	_exit(128 + number);
}

static int unprivileged(const char *device, unsigned long code, const char *hex)
{
	unsigned char bytes[256] = { 0 };
	int file = open(device, O_RDWR), result;

	for (size_t i = 0; hex[2 * i] && hex[2 * i + 1] && i < sizeof(bytes); i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		bytes[i] = (unsigned char)strtol(pair, NULL, 16);
	}
	if (file < 0 || setgid(65534) || setuid(65534)) {
		printf("open %d\n", errno);
		return 1;
	}
	result = ioctl(file, code, bytes);
	printf("%d %d\n", result, result < 0 ? errno : 0);
	return 0;
}

/*
 * Without arguments of its own, the lines of /probe-….args are its arguments; also where an engine that knows
 * no options hands those on: what they ask for is not done then, but the container runs.
 */
static char **words_beside(int *count)
{
	static char text[4096], *words[32];
	DIR *root = opendir("/");
	struct dirent *entry;

	words[0] = "probe";
	*count = 1;
	while (root && (entry = readdir(root))) {
		size_t length = strlen(entry->d_name);
		char path[300];
		FILE *file;

		if (strncmp(entry->d_name, "probe-", 6) || length < 5 || strcmp(entry->d_name + length - 5, ".args"))
			continue;
		snprintf(path, sizeof(path), "/%s", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			break;
		text[fread(text, 1, sizeof(text) - 1, file)] = 0;
		fclose(file);
		for (char *word = strtok(text, "\n"); word && *count < 31; word = strtok(NULL, "\n"))
			words[(*count)++] = word;
		break;
	}
	if (root)
		closedir(root);
	return words;
}

int main(int argc, char **argv)
{
	if (argc == 1 || !strncmp(argv[1], "--", 2))
		argv = words_beside(&argc);

	const char *what = argc > 1 ? argv[1] : "";
	const char *first = argc > 2 ? argv[2] : "0";
	long second = argc > 3 ? atol(argv[3]) : 0, third = argc > 4 ? atol(argv[4]) : 0;

	/* By a handler of their own the kernel tells when polite and stubborn are ready. */
	if (strcmp(what, "deaf") && strcmp(what, "torn") && strcmp(what, "die") && strcmp(what, "polite") &&
	    strcmp(what, "stubborn") && strcmp(what, "relay"))
		signal(SIGTERM, end_at_once);
	if (!strcmp(what, "view"))
		return view(first, second, argv);
	if (!strcmp(what, "write") && argc > 3)
		return write_hex(atoi(first), argv[3]);
	if (!strcmp(what, "lines"))
		return lines(first, second, third);
	if (!strcmp(what, "flood"))
		return flood(first, second);
	if (!strcmp(what, "deaf"))
		for (;;)
			pause();
	if (!strcmp(what, "torn")) {
		printf("%s whole\n%s torn", first, first);
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(what, "exit")) {
		if (argc > 3)
			await_go(argv[3]);
		return atoi(first);
	}
	if (!strcmp(what, "die")) {
		/* PID 1 of a namespace ignores its own signals but for faults; SIGKILL it cannot send itself. */
		if (atoi(first) == SIGSEGV)
			*(volatile int *)0 = 1;
		signal(atoi(first), SIG_DFL);
		raise(atoi(first));
		abort();
	}
	if (!strcmp(what, "sleep")) {
		pause_us(atol(first) * 1000000);
		return 0;
	}
	if (!strcmp(what, "polite")) {
		exit_code = atoi(first);
		snprintf(last_words, sizeof(last_words), "%.64s bye\n", argc > 3 ? argv[3] : "");
		snprintf(mark, sizeof(mark), "/term-%.64s", argc > 3 ? argv[3] : "");
		printf("%s ready\n", argc > 3 ? argv[3] : "");
		fflush(stdout);
		signal(SIGTERM, leave);
		for (;;)
			pause();
	}
	if (!strcmp(what, "stubborn")) {
		if (argc > 2)
			snprintf(mark, sizeof(mark), "/term-%.64s", first);
		signal(SIGTERM, stay);
		for (;;)
			pause();
	}
	if (!strcmp(what, "hold")) {
		touch((size_t)atol(first));
		printf("held %s\n", first);
		fflush(stdout);
		pause_us((second ? second : 86400) * 1000000);
		return 0;
	}
	if (!strcmp(what, "grow"))
		grow(atol(first), second, third, argc > 5 && !strcmp(argv[5], "busy"));
	if (!strcmp(what, "wave"))
		wave((size_t)atol(first));
	if (!strcmp(what, "told") && argc > 5) {
		await_go(first);
		grow(second, third, atol(argv[5]), argc > 6 && !strcmp(argv[6], "busy"));
	}
	if (!strcmp(what, "crowd"))
		crowd(atol(first), second);
	if (!strcmp(what, "burn")) {
		burn(atof(first));
		return 0;
	}
	if (!strcmp(what, "orphans")) {
		for (long i = 0; i < atol(first); i++)
			if (!fork()) {
				if (fork())
					_exit(0);
				for (;;)
					pause();
			}
		for (long i = 0; i < atol(first); i++)
			wait(NULL);
		for (;;)
			pause();
	}
	if (!strcmp(what, "calls"))
		return calls(first);
	if (!strcmp(what, "escape"))
		return escape(first);
	if (!strcmp(what, "unprivileged") && argc > 4)
		return unprivileged(first, strtoul(argv[3], NULL, 10), argv[4]);
	if (!strcmp(what, "opens")) {
		printf("%d\n", open(first, O_RDWR) < 0 ? errno : 0);
		return 0;
	}
	if (!strcmp(what, "relay") && argc > 2)
		return relay(argv[2]);
	fprintf(stderr, "probe: what shall it be?\n");
	return 2;
}
