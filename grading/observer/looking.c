// SPDX-License-Identifier: MIT
/* What there is: processes, through the observer's own procfs, and files. */
#define _GNU_SOURCE
#include "observer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define SMALL 8192

static ssize_t slurp_at(int folder, const char *path, char *to, size_t room)
{
	int file = openat(folder, path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	if (file < 0)
		return -1;
	while (length < room - 1 && (got = read(file, to + length, room - 1 - length)) > 0)
		length += (size_t)got;
	close(file);
	to[length] = 0;
	return (ssize_t)length;
}

/* Files that the kernel gives whole in one read: no second one to see the end. */
ssize_t slurp_once(int folder, const char *path, char *to, size_t room)
{
	int file = openat(folder, path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (file < 0)
		return -1;
	got = read(file, to, room - 1);
	close(file);
	to[got > 0 ? got : 0] = 0;
	return got;
}

/* In the text of proc_pid_stat(5), -1 where it makes no sense. */
static long long start_in(const char *stat)
{
	const char *rest = strrchr(stat, ')');
	long long time = -1;

	/* Field 22; the name may hold anything, so count from its end. */
	if (rest)
		sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lld",
		       &time);
	return time;
}

long long start_time(int pid)
{
	char path[32], stat[1024];

	snprintf(path, sizeof(path), "%d/stat", pid);
	return slurp_once(proc, path, stat, sizeof(stat)) > 0 ? start_in(stat) : -1;
}

static void put_link(struct message *to, const char *pid, const char *name)
{
	char path[64], target[4096];
	ssize_t length;

	snprintf(path, sizeof(path), "%.20s/%s", pid, name);
	length = readlinkat(proc, path, target, sizeof(target));
	put_field(to, target, length > 0 ? (size_t)length : 0);
}

static void put_status_line(struct message *to, const char *status, const char *key)
{
	const char *line = strstr(status, key), *end;

	if (!line) {
		put_field(to, "", 0);
		return;
	}
	line += strlen(key);
	end = strchr(line, '\n');
	put_field(to, line, end ? (size_t)(end - line) : strlen(line));
}

/* The kernel's threads are the children of the second process, told in one read (proc_pid_task_children(5), of
 * CONFIG_PROC_CHILDREN). Most of what a guest has are these, and to look at each would take most of the time. */
#define THREADS_MOST 4096

static int kernel_threads(int *numbers)
{
	char text[32768], *at = text, *end;
	int count = 0;

	if (slurp_at(proc, "2/task/2/children", text, sizeof(text)) <= 0)
		return 0;	/* an older kernel: they are told by their parent */
	while (count < THREADS_MOST) {
		long number = strtol(at, &end, 10);

		if (end == at)
			break;
		numbers[count++] = (int)number;
		at = end;
	}
	return count;
}

static int by_number(const void *one, const void *other)
{
	int a = *(const int *)one, b = *(const int *)other;

	return (a > b) - (a < b);
}

/* Those that were there before the submission. Nobody asks for them again and again, and eight files of each would
 * be most of what a look costs. */
static struct bystander {
	int pid;
	long long start;
} *bystanders;
static size_t bystander_count;

static int by_pid(const void *one, const void *other)
{
	int a = ((const struct bystander *)one)->pid, b = ((const struct bystander *)other)->pid;

	return (a > b) - (a < b);
}

static int is_bystander(int pid, const char *stat)
{
	struct bystander wanted = { .pid = pid };
	struct bystander *found =
		bystanders ? bsearch(&wanted, bystanders, bystander_count, sizeof(wanted), by_pid) : NULL;

	return found && found->start == start_in(stat);
}

/* bystanders: from now on `processes` leaves out those that are there now */
void look_bystanders(const struct request *request)
{
	int folder = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = folder < 0 ? NULL : fdopendir(folder);
	struct message message = { 0 };
	struct dirent *entry;

	if (!all) {
		reply_failure(request->number, errno, "proc");
		return;
	}
	bystander_count = 0;
	while ((entry = readdir(all))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0)
			continue;
		bystanders = must_allocate(bystanders, (bystander_count + 1) * sizeof(*bystanders));
		bystanders[bystander_count++] = (struct bystander){ pid, start_time(pid) };
	}
	closedir(all);
	qsort(bystanders, bystander_count, sizeof(*bystanders), by_pid);
	send_message(request->number, REPLY, &message);
}

/* processes [| all]: for each that is neither a kernel thread nor, but for "all", a bystander:
 * pid | stat(5) | NSpid | VmRSS | pid, mnt, uts, ipc ns | command line */
void look_processes(const struct request *request)
{
	int everybody = request->count > 1;
	int folder = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *all = folder < 0 ? NULL : fdopendir(folder);
	struct message message = { 0 };
	struct dirent *entry;
	int threads[THREADS_MOST];
	size_t thread_count;

	if (!all) {
		reply_failure(request->number, errno, "proc");
		return;
	}
	thread_count = (size_t)kernel_threads(threads);
	qsort(threads, thread_count, sizeof(threads[0]), by_number);
	while ((entry = readdir(all))) {
		char path[64], stat[1024], status[SMALL], words[SMALL];
		int number = atoi(entry->d_name), parent;
		ssize_t length;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9' ||
		    bsearch(&number, threads, thread_count, sizeof(threads[0]), by_number))
			continue;
		snprintf(path, sizeof(path), "%.20s/stat", entry->d_name);
		if (slurp_once(proc, path, stat, sizeof(stat)) <= 0 || !strrchr(stat, ')'))
			continue;
		if (sscanf(strrchr(stat, ')') + 1, " %*c %d", &parent) == 1 &&
		    (parent == 2 || !strcmp(entry->d_name, "2")))
			continue;
		if (!everybody && is_bystander(number, stat))
			continue;
		snprintf(path, sizeof(path), "%.20s/status", entry->d_name);
		if (slurp_once(proc, path, status, sizeof(status)) <= 0)
			continue;
		put_text(&message, entry->d_name);
		put_text(&message, stat);
		put_status_line(&message, status, "\nNSpid:");
		put_status_line(&message, status, "\nVmRSS:");
		put_link(&message, entry->d_name, "ns/pid");
		put_link(&message, entry->d_name, "ns/mnt");
		put_link(&message, entry->d_name, "ns/uts");
		put_link(&message, entry->d_name, "ns/ipc");
		snprintf(path, sizeof(path), "%.20s/cmdline", entry->d_name);
		length = slurp_at(proc, path, words, sizeof(words));
		put_field(&message, words, length > 0 ? (size_t)length : 0);
	}
	closedir(all);
	send_message(request->number, REPLY, &message);
}

/* A path below "proc:" is looked up in the observer's own procfs, others as usual. */
static int open_path(const struct field *field, int flags, mode_t mode)
{
	char *path = field_text(field);
	int file = strncmp(path, "proc:", 5) ? open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode) :
					       openat(proc, path + 5, flags | O_CLOEXEC | O_NONBLOCK, mode);
	int number = errno;

	free(path);
	errno = number;
	return file;
}

/* read | path | offset | most bytes: the bytes, and the file's size */
void look_read(const struct request *request)
{
	struct message message = { 0 };
	struct stat about;
	size_t most, length = 0;
	ssize_t got = 0;
	char *bytes;
	int file;

	if (request->count < 4) {
		reply_failure(request->number, EINVAL, "read");
		return;
	}
	file = open_path(&request->fields[1], O_RDONLY, 0);
	if (file < 0 || fstat(file, &about)) {
		reply_failure(request->number, errno, "read");
		return;
	}
	if (!S_ISREG(about.st_mode)) {	/* a fifo or a device in a file's place shall hold up nobody */
		close(file);
		reply_failure(request->number, EINVAL, "read: not a regular file");
		return;
	}
	lseek(file, field_number(&request->fields[2]), SEEK_SET);
	most = (size_t)field_number(&request->fields[3]);
	most = most < FRAME_MAX / 2 ? most : FRAME_MAX / 2;
	bytes = must_allocate(NULL, most);
	/* In pieces: a sysctl refuses a buffer larger than what the kernel can allocate at once. */
	while (length < most && (got = read(file, bytes + length, most - length < 65536 ? most - length : 65536)) > 0)
		length += (size_t)got;
	close(file);
	if (got < 0 && !length) {
		reply_failure(request->number, errno, "read");
	} else {
		put_field(&message, bytes, length);
		put_number(&message, about.st_size);
		send_message(request->number, REPLY, &message);
	}
	free(bytes);
}

/* write | path | mode, octal | bytes */
void look_write(const struct request *request)
{
	struct message message = { 0 };
	size_t done = 0;
	char mode[8] = "";
	int file;

	if (request->count < 4) {
		reply_failure(request->number, EINVAL, "write");
		return;
	}
	memcpy(mode, request->fields[2].bytes, request->fields[2].length < 7 ? request->fields[2].length : 7);
	file = open_path(&request->fields[1], O_WRONLY | O_CREAT | O_TRUNC, (mode_t)strtol(mode, NULL, 8));
	if (file < 0) {
		reply_failure(request->number, errno, "write");
		return;
	}
	fchmod(file, (mode_t)strtol(mode, NULL, 8));
	while (done < request->fields[3].length) {
		ssize_t some = write(file, request->fields[3].bytes + done, request->fields[3].length - done);

		if (some < 0) {
			reply_failure(request->number, errno, "write");
			close(file);
			return;
		}
		done += (size_t)some;
	}
	close(file);
	send_message(request->number, REPLY, &message);
}

/* stat | path: type letter | mode, octal | size | device | inode | device number of a device | links, as lstat(2) */
void look_stat(const struct request *request)
{
	struct message message = { 0 };
	struct stat about;
	char *path, mode[8];
	int failed;

	if (request->count < 2) {
		reply_failure(request->number, EINVAL, "stat");
		return;
	}
	path = field_text(&request->fields[1]);
	failed = strncmp(path, "proc:", 5) ? lstat(path, &about) :
					     fstatat(proc, path + 5, &about, AT_SYMLINK_NOFOLLOW);
	free(path);
	if (failed) {
		reply_failure(request->number, errno, "stat");
		return;
	}
	put_text(&message, S_ISREG(about.st_mode) ? "f" : S_ISDIR(about.st_mode) ? "d" :
		 S_ISLNK(about.st_mode) ? "l" : S_ISCHR(about.st_mode) ? "c" :
		 S_ISSOCK(about.st_mode) ? "s" : S_ISFIFO(about.st_mode) ? "p" : "b");
	snprintf(mode, sizeof(mode), "%o", about.st_mode & 07777);
	put_text(&message, mode);
	put_number(&message, about.st_size);
	put_number(&message, (long long)about.st_dev);
	put_number(&message, (long long)about.st_ino);
	put_number(&message, (long long)about.st_rdev);
	put_number(&message, (long long)about.st_nlink);
	send_message(request->number, REPLY, &message);
}

/* list | folder: names */
void look_list(const struct request *request)
{
	struct message message = { 0 };
	struct dirent *entry;
	DIR *all = NULL;
	int folder = request->count > 1 ? open_path(&request->fields[1], O_RDONLY | O_DIRECTORY, 0) : -1;

	if (folder >= 0)
		all = fdopendir(folder);
	if (!all) {
		reply_failure(request->number, errno, "list");
		return;
	}
	while ((entry = readdir(all)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			put_text(&message, entry->d_name);
	closedir(all);
	send_message(request->number, REPLY, &message);
}

/* link | path: where it leads */
void look_link(const struct request *request)
{
	struct message message = { 0 };
	char target[4096], *path;
	ssize_t length;

	if (request->count < 2) {
		reply_failure(request->number, EINVAL, "link");
		return;
	}
	path = field_text(&request->fields[1]);
	length = strncmp(path, "proc:", 5) ? readlink(path, target, sizeof(target)) :
					     readlinkat(proc, path + 5, target, sizeof(target));
	free(path);
	if (length < 0) {
		reply_failure(request->number, errno, "link");
		return;
	}
	put_field(&message, target, (size_t)length);
	send_message(request->number, REPLY, &message);
}
