// SPDX-License-Identifier: MIT
/* Which files hold a word: one request, where a look at each file from the host would take seconds. */
#define _GNU_SOURCE
#include "observer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MOST (1 << 20)	/* of a file that is looked into */
#define ENTRIES_MOST 50000	/* a submission may leave any number */

static struct timespec began;	/* this observer; on the clock that files are dated by */

void searching_begins(void)
{
	clock_gettime(CLOCK_REALTIME_COARSE, &began);
}

struct search {
	const struct field *word;
	struct timespec since;
	int left;
	struct message found;
};

static int holds(int file, const struct stat *about, const struct field *word)
{
	char *bytes = must_allocate(NULL, (size_t)about->st_size + 1);
	size_t length = 0;
	ssize_t got;
	int found;

	while (length < (size_t)about->st_size &&
	       (got = read(file, bytes + length, (size_t)about->st_size - length)) > 0)
		length += (size_t)got;
	found = memmem(bytes, length, word->bytes, word->length) != NULL;
	free(bytes);
	return found;
}

static int is_older(const struct timespec *time, const struct timespec *than)
{
	return time->tv_sec < than->tv_sec || (time->tv_sec == than->tv_sec && time->tv_nsec < than->tv_nsec);
}

/*
 * A file that was made after `since` has changed its folder, too. So of a folder in which nothing was made since this
 * observer began (a package manager's has thousands of files) only those in it are of interest.
 */
static void look_through(struct search *search, const char *path, int depth)
{
	DIR *all = opendir(path);
	struct dirent *entry;
	struct stat folder;
	int is_old = all && !fstat(dirfd(all), &folder) && is_older(&folder.st_mtim, &began);

	while (all && search->left > 0 && (entry = readdir(all))) {
		char below[4096];
		struct stat about;
		int file;

		search->left--;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (is_old && entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >= (int)sizeof(below) ||
		    fstatat(dirfd(all), entry->d_name, &about, AT_SYMLINK_NOFOLLOW))
			continue;
		if (S_ISDIR(about.st_mode) && depth)
			look_through(search, below, depth - 1);
		if (!S_ISREG(about.st_mode) || !about.st_size || about.st_size > SIZE_MOST ||
		    is_older(&about.st_ctim, &search->since))
			continue;
		file = openat(dirfd(all), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (file < 0)
			continue;
		if (holds(file, &about, search->word))
			put_text(&search->found, below);
		close(file);
	}
	if (all)
		closedir(all);
}

/* search | word | a path | depth | folder …: files that hold the word, none of which changed before that path did */
void search_files(const struct request *request)
{
	struct search search = { .word = &request->fields[1], .left = ENTRIES_MOST };
	struct stat about;
	char *path;

	if (request->count < 4 || !request->fields[1].length) {
		reply_failure(request->number, EINVAL, "search");
		return;
	}
	path = field_text(&request->fields[2]);
	if (lstat(path, &about)) {
		reply_failure(request->number, errno, "search");
		free(path);
		return;
	}
	free(path);
	search.since = about.st_ctim;
	for (int i = 4; i < request->count; i++) {
		path = field_text(&request->fields[i]);
		look_through(&search, path, (int)field_number(&request->fields[3]));
		free(path);
	}
	send_message(request->number, REPLY, &search.found);
}
