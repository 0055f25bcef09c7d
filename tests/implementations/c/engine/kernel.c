/*
 * What the kernel does for a container: the monitor watches its memory, a cgroup holds it
 *
 * Every monitor that obeys the contract says in the kernel log whom it kills, before it
 * does. That line is the evidence: a bookmark is put into the log before the container
 * is registered, and when it was killed, what was said since is read. Only records of
 * the kernel's own count; what user space writes into the log has another facility.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor_ioctl.h"
#include "supervisor.h"

#define DEVICE "/dev/container_monitor"
#define PARENT "engine-c"
#define RECORD_MOST 16384

int kernel_register(struct container *container)
{
	/* region 07.register */
	struct monitor_request request = {
		.pid = container->pid,
		.soft_limit_bytes = (unsigned long)container->soft_mib << 20,
		.hard_limit_bytes = (unsigned long)container->hard_mib << 20,
	};
	int error;

	/* One open file for each container: when it is closed, the entry is gone, and while
	 * no container runs, the module can be unloaded. */
	container->monitor = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (container->monitor < 0)
		return errno == ENOENT || errno == ENXIO || errno == ENODEV ? 0 : errno;
	container->kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (container->kernel_log >= 0)
		lseek(container->kernel_log, 0, SEEK_END);
	memcpy(request.container_id, container->id, ID_SIZE);
	if (!ioctl(container->monitor, MONITOR_REGISTER, &request))
		return 0;
	error = errno;
	kernel_forget(container);
	return error == ESRCH ? 0 : error; /* it has ended already */
	/* endregion 07.register */
}

bool kernel_killed(const struct container *container)
{
	/* region 07.events */
	char record[RECORD_MOST], wanted[128];
	bool found = false;
	ssize_t size;

	if (container->kernel_log < 0)
		return false;
	snprintf(wanted, sizeof(wanted), "[container_monitor] HARD LIMIT container=%s pid=%d rss=", container->id,
		 container->pid);
	for (;;) {
		const char *text;

		size = read(container->kernel_log, record, sizeof(record) - 1);
		if (size < 0 && (errno == EPIPE || errno == EINTR))
			continue; /* EPIPE: some were overwritten; the next read goes on behind them */
		if (size <= 0)
			return found;
		record[size] = 0;
		text = strchr(record, ';');
		if (strtoul(record, NULL, 10) >> 3 == 0 && text)
			found |= !strncmp(text + 1, wanted, strlen(wanted));
	}
	/* endregion 07.events */
}

void kernel_forget(struct container *container)
{
	if (container->monitor >= 0)
		close(container->monitor);
	if (container->kernel_log >= 0)
		close(container->kernel_log);
	container->monitor = -1;
	container->kernel_log = -1;
}

/* --- cgroups ----------------------------------------------------------------- */

static int parent = -1; /* the folder of ours in cgroup v2, where that is mounted */
static char (*busy)[sizeof(((struct container *)0)->cgroup)]; /* to be removed, but not empty yet */
static size_t busy_count;

static void remove_leftovers(void)
{
	DIR *folder = fdopendir(openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			unlinkat(parent, entry->d_name, AT_REMOVEDIR);
	closedir(folder);
}

/* region 07.cgroup */
void cgroup_setup(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int root = -1;

	while (mounts && root < 0 && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2"))
			root = open(entry->mnt_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (mounts)
		endmntent(mounts);
	if (root < 0)
		return;
	if (!mkdirat(root, PARENT, 0755) || errno == EEXIST)
		parent = openat(root, PARENT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	close(root);
	if (parent >= 0)
		remove_leftovers();
}

int cgroup_make(struct container *container)
{
	static unsigned int serial;
	int fd;

	if (parent < 0)
		return -1;
	snprintf(container->cgroup, sizeof(container->cgroup), "%s-%d-%u", container->id, getpid(), ++serial);
	if (mkdirat(parent, container->cgroup, 0755)) {
		container->cgroup[0] = 0;
		return -1;
	}
	fd = openat(parent, container->cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		cgroup_remove(container);
	return fd;
}
/* endregion 07.cgroup */

void cgroup_remove(struct container *container)
{
	void *more;

	if (!container->cgroup[0])
		return;
	if (unlinkat(parent, container->cgroup, AT_REMOVEDIR) && errno == EBUSY) {
		more = realloc(busy, (busy_count + 1) * sizeof(*busy));
		if (more) {
			busy = more;
			memcpy(busy[busy_count++], container->cgroup, sizeof(*busy));
		}
	}
	container->cgroup[0] = 0;
}

bool cgroup_retry(void)
{
	for (size_t i = busy_count; i-- > 0;)
		if (!unlinkat(parent, busy[i], AT_REMOVEDIR) || errno != EBUSY)
			memmove(busy[i], busy[--busy_count], sizeof(*busy));
	return busy_count > 0;
}

void cgroup_teardown(void)
{
	int root;

	if (parent < 0)
		return;
	root = openat(parent, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0) {
		unlinkat(root, PARENT, AT_REMOVEDIR);
		close(root);
	}
	close(parent);
	parent = -1;
	free(busy);
}
