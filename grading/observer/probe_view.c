// SPDX-License-Identifier: MIT
/* What the world looks like to the probe, written where the host can read it: lines "NONCE key hex-of-value". */
#define _GNU_SOURCE
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

int view(const char *nonce, long seconds, char **words)
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
