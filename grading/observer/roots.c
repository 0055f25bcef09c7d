// SPDX-License-Identifier: MIT
/*
 * A root file system for a container: a tree of hard links, made without a program. It still takes a fifth of a
 * second under emulation, so there is a pool: made before the guest is saved, taken from by a rename.
 */
#define _GNU_SOURCE
#include "observer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MOST 32

/* Folders are made anew, all else is linked; 0, or -1 with errno. Takes both descriptors. */
static int link_tree(int from, int to, int depth)
{
	DIR *all = fdopendir(from);
	struct dirent *entry;
	int failed = 0;

	if (!all || depth > DEPTH_MOST) {
		if (all)
			errno = ELOOP;
		failed = -1;
	}
	while (!failed && (entry = readdir(all))) {
		struct stat about;
		int below_from, below_to;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (entry->d_type != DT_DIR) {
			failed = linkat(dirfd(all), entry->d_name, to, entry->d_name, 0);
			continue;
		}
		below_from = openat(dirfd(all), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below_from < 0 || fstat(below_from, &about) || mkdirat(to, entry->d_name, 0700)) {
			failed = -1;
			break;
		}
		below_to = openat(to, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		failed = below_to < 0 || fchown(below_to, about.st_uid, about.st_gid) ||
			 fchmod(below_to, about.st_mode & 07777) || link_tree(below_from, below_to, depth + 1) ? -1 : 0;
	}
	if (all) {
		int number = errno;

		closedir(all);
		errno = number;
	}
	close(to);
	return failed;
}

static int copy_program(const char *from, int folder, const char *name)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out;
	ssize_t got = in < 0 ? -1 : 0;

	out = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	while (in >= 0 && out >= 0 && (got = sendfile(out, in, NULL, 1 << 24)) > 0)
		;
	if (in >= 0)
		close(in);
	if (out < 0 || close(out))
		got = -1;
	return got < 0 ? -1 : 0;
}

static int make_tree(const char *base, const char *path)
{
	int from = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC), to, failed;

	failed = from < 0 || mkdir(path, 0755) ? -1 : 0;
	to = failed ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return to < 0 || link_tree(from, to, 0) ? -1 : 0;
}

int roots_prepare(const char *base, const char *pool, int count)
{
	if (mkdir(pool, 0755))
		return 1;
	for (int i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%d", pool, i);
		if (make_tree(base, path))
			return 1;
	}
	return 0;
}

/* The next of the pool gets that path; -1 where none is left, or there never was one. */
static int take_from(const char *pool, const char *path)
{
	static int next;
	char taken[4096];

	snprintf(taken, sizeof(taken), "%s/%d", pool, next++);
	return rename(taken, path);
}

/* root | base | where it shall be | a program | its name in there | the pool */
void root_make(const struct request *request)
{
	struct message message = { 0 };
	char *words[5] = { 0 };
	int folder, failed;

	if (request->count < 6) {
		reply_failure(request->number, EINVAL, "root");
		return;
	}
	for (int i = 0; i < 5; i++)
		words[i] = field_text(&request->fields[i + 1]);
	failed = take_from(words[4], words[1]) && make_tree(words[0], words[1]) ? -1 : 0;
	folder = failed ? -1 : open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	failed = folder < 0 || copy_program(words[2], folder, words[3]) ? -1 : 0;
	if (folder >= 0)
		close(folder);
	if (failed)
		reply_failure(request->number, errno, "root");
	else
		send_message(request->number, REPLY, &message);
	for (int i = 0; i < 5; i++)
		free(words[i]);
}
