// SPDX-License-Identifier: MIT
/*
 * What the checks run inside containers: one static program that does one plain thing.
 *
 *   probe view NONCE [SECONDS] […]   what the world looks like from here, in /view-NONCE: lines "NONCE key
 *                                hex-of-value"; then sleeps
 *   probe write FD HEX           exactly these bytes, then exit 0
 *   probe lines NONCE COUNT [PAUSE_US]   "NONCE 1\n" to "NONCE COUNT\n", then exit 0
 *   probe flood NONCE MIB        so many MiB of numbered lines, then exit 0
 *   probe torn NONCE             a line, half a line without its end, then waits to be killed
 *   probe exit CODE | die SIGNAL | sleep SECONDS
 *   probe polite CODE NONCE      says "NONCE ready"; on SIGTERM makes /term-NONCE, says "NONCE bye", exits with CODE
 *   probe stubborn NONCE         says "NONCE ready", ignores SIGTERM
 *   probe hold MIB [SECONDS]     so much resident memory, idle
 *   probe grow STEP_MIB PAUSE_MS MOST_MIB [busy]   grows step by step; then idle, or busy and never asleep
 *   probe late STEP_MIB PAUSE_MS MOST_MIB [busy]   the same after a second and a half, so that it can be found first
 *   probe crowd COUNT MIB        so many children, each with so much resident memory
 *   probe burn SECONDS           nothing but processor time
 *   probe orphans COUNT          children that end as orphans, then sleeps
 *   probe argv WORDS…            the words, as "argv index hex" lines
 *   probe escape NONCE           tries what leads out of a chroot; what it found is in /view-NONCE
 *   probe unprivileged DEVICE CODE HEX   an ioctl by a process that opened the device and then gave up its rights
 *   probe opens PATH             whether this user can open it: prints errno, 0 for yes
 */
#define _GNU_SOURCE
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

static void pause_us(long us)
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

static FILE *report;	/* what it found: seen from the host whether the engine keeps logs or not */

static void tell(const char *nonce, const char *key, const void *bytes, size_t length)
{
	fprintf(report, "%s %s ", nonce, key);
	for (size_t i = 0; i < length; i++)
		fprintf(report, "%02x", ((const unsigned char *)bytes)[i]);
	fprintf(report, "\n");
}

static void tell_text(const char *nonce, const char *key, const char *text)
{
	tell(nonce, key, text, strlen(text));
}

static void tell_number(const char *nonce, const char *key, long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", number);
	tell_text(nonce, key, text);
}

static void tell_file(const char *nonce, const char *key, const char *path)
{
	static char bytes[65536];
	int file = open(path, O_RDONLY);
	size_t length = 0;
	ssize_t got;

	if (file < 0) {
		tell_text(nonce, key, "");
		return;
	}
	while (length < sizeof(bytes) && (got = read(file, bytes + length, sizeof(bytes) - length)) > 0)
		length += (size_t)got;
	close(file);
	tell(nonce, key, bytes, length);
}

static void tell_link(const char *nonce, const char *key, const char *path)
{
	char target[4096];
	ssize_t length = readlink(path, target, sizeof(target));

	tell(nonce, key, target, length > 0 ? (size_t)length : 0);
}

static void tell_names(const char *nonce, const char *key, const char *folder)
{
	DIR *all = opendir(folder);
	struct dirent *entry;
	static char names[65536];
	size_t length = 0;

	while (all && (entry = readdir(all)) && length + 300 < sizeof(names))
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s\n", entry->d_name);
	if (all)
		closedir(all);
	tell(nonce, key, names, length);
}

static int begin_report(const char *nonce)
{
	char path[128];

	snprintf(path, sizeof(path), "/.view-%.64s", nonce);
	report = fopen(path, "w");
	if (!report)
		perror(path);
	return report ? 0 : -1;
}

static void end_report(const char *nonce)
{
	char from[128], to[128];

	fclose(report);
	snprintf(from, sizeof(from), "/.view-%.64s", nonce);
	snprintf(to, sizeof(to), "/view-%.64s", nonce);
	rename(from, to);
}

static int view(const char *nonce, long seconds, char **words)
{
	static const char *const spaces[] = { "pid", "mnt", "uts", "ipc", "net", "cgroup", "user" };
	char path[64], text[4096];
	struct stat about;
	DIR *files;
	struct dirent *entry;

	if (begin_report(nonce))
		return 3;
	tell_number(nonce, "pid", getpid());
	tell_number(nonce, "ppid", getppid());
	tell_number(nonce, "sid", getsid(0));
	tell_number(nonce, "uid", getuid());
	tell_number(nonce, "nice", getpriority(PRIO_PROCESS, 0));
	gethostname(text, sizeof(text));
	tell_text(nonce, "hostname", text);
	tell_text(nonce, "cwd", getcwd(text, sizeof(text)) ? text : "");
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		char key[16];

		snprintf(path, sizeof(path), "/proc/self/ns/%s", spaces[i]);
		snprintf(key, sizeof(key), "ns.%s", spaces[i]);
		tell_link(nonce, key, path);
	}
	tell_names(nonce, "root", "/");
	tell_names(nonce, "proc", "/proc");
	tell_file(nonce, "status", "/proc/self/status");
	tell_file(nonce, "mounts", "/proc/self/mountinfo");
	tell_file(nonce, "cgroup", "/proc/self/cgroup");
	tell_file(nonce, "comm1", "/proc/1/comm");
	tell_file(nonce, "marker", "/boxwright-marker");
	tell_text(nonce, "parent", stat("/..", &about) ? "" : "there");
	if (!stat("/", &about))
		tell_number(nonce, "root.inode", (long)about.st_ino);
	if (!stat("/..", &about))
		tell_number(nonce, "dotdot.inode", (long)about.st_ino);
	files = opendir("/proc/self/fd");
	while (files && (entry = readdir(files))) {
		char key[32];

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(files) ||
		    atoi(entry->d_name) == fileno(report))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%.10s", entry->d_name);
		snprintf(key, sizeof(key), "fd.%.10s", entry->d_name);
		tell_link(nonce, key, path);
	}
	if (files)
		closedir(files);
	for (int i = 0; words[i]; i++) {
		char key[32];

		snprintf(key, sizeof(key), "argv.%d", i);
		tell_text(nonce, key, words[i]);
	}
	end_report(nonce);
	pause_us(seconds * 1000000);
	return 0;
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

static int escape(const char *nonce)
{
	struct stat root, up;
	char path[32];
	int held = open("/", O_RDONLY | O_DIRECTORY), own;

	if (begin_report(nonce))
		return 3;
	own = fileno(report);
	/* chroot(2): the working directory stays outside of a root below it, and `..` leads on from there. */
	mkdir("/boxwright-escape", 0755);
	if (chroot("/boxwright-escape"))
		tell_text(nonce, "chroot", strerror(errno));
	if (held >= 0)
		(void)!fchdir(held);
	for (int i = 0; i < 64; i++)
		(void)!chdir("..");
	(void)!chroot(".");
	tell_text(nonce, "outside", !access("/usr/local/sbin", F_OK) && !access("/var/lib/dpkg", F_OK) ? "yes" : "no");
	for (int fd = 3; fd < 256; fd++) {
		if (fd == held || fd == own || fstat(fd, &up) || !S_ISDIR(up.st_mode) || fstat(held, &root))
			continue;
		snprintf(path, sizeof(path), "%d", fd);
		if (up.st_dev != root.st_dev || up.st_ino != root.st_ino)
			tell_text(nonce, "held", path);
	}
	fchdir(held);
	(void)!chroot(".");
	end_report(nonce);
	return 0;
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

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *first = argc > 2 ? argv[2] : "0";
	long second = argc > 3 ? atol(argv[3]) : 0, third = argc > 4 ? atol(argv[4]) : 0;

	if (!strcmp(what, "view"))
		return view(first, second, argv);
	if (!strcmp(what, "write") && argc > 3)
		return write_hex(atoi(first), argv[3]);
	if (!strcmp(what, "lines"))
		return lines(first, second, third);
	if (!strcmp(what, "flood"))
		return flood(first, second);
	if (!strcmp(what, "torn")) {
		printf("%s whole\n%s torn", first, first);
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(what, "exit"))
		return atoi(first);
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
		signal(SIGTERM, leave);
		printf("%s ready\n", argc > 3 ? argv[3] : "");
		fflush(stdout);
		for (;;)
			pause();
	}
	if (!strcmp(what, "stubborn")) {
		signal(SIGTERM, SIG_IGN);
		printf("%s ready\n", first);
		fflush(stdout);
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
	if (!strcmp(what, "late")) {
		pause_us(1500000);
		grow(atol(first), second, third, argc > 5 && !strcmp(argv[5], "busy"));
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
				if (!fork())
					_exit(0);
				_exit(0);
			}
		while (wait(NULL) > 0)
			;
		for (;;)
			pause();
	}
	if (!strcmp(what, "argv")) {
		for (int i = 2; i < argc; i++) {
			char key[32];

			snprintf(key, sizeof(key), "%d", i - 2);
			tell_text("argv", key, argv[i]);
		}
		return 0;
	}
	if (!strcmp(what, "escape"))
		return escape(first);
	if (!strcmp(what, "unprivileged") && argc > 4)
		return unprivileged(first, strtoul(argv[3], NULL, 10), argv[4]);
	if (!strcmp(what, "opens")) {
		printf("%d\n", open(first, O_RDWR) < 0 ? errno : 0);
		return 0;
	}
	fprintf(stderr, "probe: what shall it be?\n");
	return 2;
}
