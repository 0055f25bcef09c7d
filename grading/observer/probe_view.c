// SPDX-License-Identifier: MIT
/* What the world looks like to the probe, written where the host can read it: lines "NONCE key hex-of-value". */
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void tell_descriptors(const char *nonce)
{
	DIR *files = opendir("/proc/self/fd");
	struct dirent *entry;

	while (files && (entry = readdir(files))) {
		char key[32], path[64];

		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(files) ||
		    atoi(entry->d_name) == fileno(report))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%.10s", entry->d_name);
		snprintf(key, sizeof(key), "fd.%.10s", entry->d_name);
		tell_link(nonce, key, path);
	}
	if (files)
		closedir(files);
}

int view(const char *nonce, long seconds, char **words)
{
	static const char *const spaces[] = { "pid", "mnt", "uts", "ipc", "net", "cgroup", "user" };
	char path[64], text[4096];
	struct stat about;

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
	tell_descriptors(nonce);
	for (int i = 0; words[i]; i++) {
		char key[32];

		snprintf(key, sizeof(key), "argv.%d", i);
		tell_text(nonce, key, words[i]);
	}
	end_report(nonce);
	pause_us(seconds * 1000000);
	return 0;
}

static long new_user_namespace(void)
{
	return syscall(SYS_unshare, CLONE_NEWUSER);
}

static long clone_user_namespace(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		_exit(0);
	return pid;
}

static long clone3_user_namespace(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (!pid)
		_exit(0);
	return pid;
}

static long key_ring(void)
{
	return syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* KEY_SPEC_SESSION_KEYRING */, 0);
}

static long page_faults(void)
{
	return syscall(SYS_userfaultfd, O_CLOEXEC | 1 /* UFFD_USER_MODE_ONLY */);
}

static long ring(void)
{
	static char params[256];

	return syscall(425 /* io_uring_setup, everywhere */, 1, params);
}

#ifdef __x86_64__
/* unshare(CLONE_NEWUSER) by the interface of 32-bit programs, in which it has another number. */
static long new_user_namespace_by_32_bits(void)
{
	long result = 310;

	__asm__ volatile("int $0x80" : "+a"(result) : "b"(CLONE_NEWUSER) : "memory", "r8", "r9", "r10", "r11");
	errno = (int)-result;
	return result < 0 ? -1 : result;
}
#endif

/* Which calls are there: of each, in a child of its own, the errno; 0 for one that was made, "killed" for a child that
 * did not survive it. Beside it the rights of this process, and what it was born with. */
int calls(const char *nonce)
{
	static const struct {
		const char *name;
		long (*make)(void);
	} all[] = {
		{ "unshare", new_user_namespace },  { "clone", clone_user_namespace },
		{ "clone3", clone3_user_namespace }, { "keyctl", key_ring },
		{ "userfaultfd", page_faults },	     { "io_uring_setup", ring },
#ifdef __x86_64__
		{ "unshare-32", new_user_namespace_by_32_bits },
#endif
	};

	if (begin_report(nonce))
		return 3;
	tell_file(nonce, "status", "/proc/self/status");
	tell_descriptors(nonce);
	fflush(report);	/* else each child would write it again */
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		char key[32];
		int status, pid = fork();

		if (!pid)
			_exit(all[i].make() < 0 ? errno : 0);
		snprintf(key, sizeof(key), "call.%s", all[i].name);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			tell_text(nonce, key, "not tried");
		else if (WIFEXITED(status))
			tell_number(nonce, key, WEXITSTATUS(status));
		else
			tell_text(nonce, key, "killed");
		fflush(report);
	}
	end_report(nonce);
	return 0;
}

int escape(const char *nonce)
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
