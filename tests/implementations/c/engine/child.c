/*
 * The child: from the moment it is cloned until it is the container's program
 *
 * It is a copy of a process with many threads, of which only the one that called
 * clone3() is left. Whatever lock another thread held stays locked for ever here, so
 * nothing below may allocate, print or look up a name: system calls only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "supervisor.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2) /* linux/close_range.h; since Linux 5.11 */
#endif

/* What root in a container keeps: nothing that reaches the kernel, a disk or another process. */
#define CAP(name) (1ULL << CAP_##name)
#define KEPT_CAPABILITIES                                                                          \
	(CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | CAP(KILL) | CAP(SETGID) |    \
	 CAP(SETUID) | CAP(SETPCAP) | CAP(NET_BIND_SERVICE) | CAP(NET_RAW) | CAP(SYS_CHROOT) |     \
	 CAP(MKNOD) | CAP(AUDIT_WRITE) | CAP(SETFCAP))

/*
 * System calls that a container does without. Capabilities do not guard them, and what they reach is not
 * divided by namespaces, or is so large that it had one hole after the other.
 */
#define REFUSED_CALLS                                                                              \
	{ SYS_unshare,	     SYS_setns,		 SYS_add_key,	      SYS_request_key,             \
	  SYS_keyctl,	     SYS_bpf,		 SYS_perf_event_open, SYS_userfaultfd,             \
	  SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register }

#define X32 0x40000000U	       /* this bit in a number: the x32 interface of x86-64 (asm/unistd.h) */
#define NAMESPACES 0x7e020000U /* CLONE_NEW* but CLONE_NEWTIME, which clone() cannot make (linux/sched.h) */
#ifdef __aarch64__
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE AUDIT_ARCH_X86_64
#endif

static const char *const path_folders[] = { "/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
					    "/usr/bin/",	"/sbin/",	   "/bin/" };
static char *const environment[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				     "HOME=/root", NULL };

static _Noreturn void fail(const struct child *child, enum step step)
{
	struct failure failure = { step, errno };

	/* Smaller than PIPE_BUF, into an empty pipe: all or nothing. */
	if (write(child->failure, &failure, sizeof(failure)) < 0)
		_exit(EXIT_ENGINE);
	_exit(EXIT_ENGINE);
}

static void reset_signals(void)
{
	struct sigaction by_default = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &by_default, NULL); /* fails for those that cannot be changed */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * With autogroups (sched(7)) the scheduler weighs sessions against each other, and a
 * nice value counts within its session only. Ours is alone in one, so the session gets
 * the same value. Where there are no autogroups, there is no such file, nor the need.
 */
static void nice_session(int nice)
{
	/* region 08.share */
	char text[4];
	int length = 0, size = nice < 0 ? -nice : nice;
	int file = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);

	if (file < 0)
		return;
	if (nice < 0)
		text[length++] = '-';
	if (size > 9)
		text[length++] = '1';
	text[length++] = (char)('0' + size % 10);
	if (size == 20)
		text[1] = '2';
	if (write(file, text, (size_t)length) < 0)
		errno = 0; /* then it has the weight of any other */
	close(file);
	/* endregion 08.share */
}

static bool enter_rootfs(const struct child *child)
{
	/* region 02.root */
	/* Flags that statfs() tells by the same bits as mount() takes them; a remount keeps none by itself. */
	unsigned long kept = MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME;
	struct statfs mounted;
	struct stat status;

	/* pivot_root wants a mount point, so the folder is mounted on itself. Device files
	 * in it open nothing: who could make one of the disk would be out of the rootfs. */
	if (mount(child->rootfs, child->rootfs, NULL, MS_BIND | MS_REC, NULL) || chdir(child->rootfs) ||
	    statfs(".", &mounted) || stat(".", &status))
		return false;
	kept &= (unsigned long)mounted.f_flags;
	if (mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_NODEV | kept, NULL))
		return false;
	/* The one that was found free, and not what somebody put in its place meanwhile. */
	if (status.st_dev != child->device || status.st_ino != child->inode) {
		errno = ESTALE;
		return false;
	}
	/* The old root comes to lie on top of the new one and is taken off again: then there
	 * is nothing above "/" to go back to. */
	return !syscall(SYS_pivot_root, ".", ".") && !umount2(".", MNT_DETACH) && !chdir("/");
	/* endregion 02.root */
}

static bool make_folder(const char *path)
{
	return !mkdir(path, 0755) || errno == EEXIST;
}

/* A /dev with what every program expects; it cannot be written, so nothing can be added. */
static bool make_dev(void)
{
	static const struct {
		const char *path;
		unsigned int major, minor;
	} nodes[] = { { "/dev/null", 1, 3 },   { "/dev/zero", 1, 5 },	 { "/dev/full", 1, 7 },
		      { "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 } };
	unsigned long flags = MS_NOSUID | MS_NOEXEC;

	if (!make_folder("/dev") || mount("dev", "/dev", "tmpfs", flags, "mode=755,size=64k"))
		return false;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) ||
		    chmod(nodes[i].path, 0666))
			return false;
	if (symlink("/proc/self/fd", "/dev/fd") || symlink("/proc/self/fd/0", "/dev/stdin") ||
	    symlink("/proc/self/fd/1", "/dev/stdout") || symlink("/proc/self/fd/2", "/dev/stderr"))
		return false;
	return !mount(NULL, "/dev", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL);
}

/* A /proc of this PID namespace, in which what belongs to the whole machine is closed. */
static bool make_proc(void)
{
	/* region 01.proc */
	static const char *const read_only[] = { "/proc/sys", "/proc/irq",  "/proc/bus",
						 "/proc/fs",  "/proc/acpi", "/proc/scsi" };
	static const char *const hidden[] = { "/proc/sysrq-trigger", "/proc/kcore", "/proc/keys",
					      "/proc/timer_list" };
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (!make_folder("/proc") || mount("proc", "/proc", "proc", flags, NULL))
		return false;
	for (size_t i = 0; i < sizeof(read_only) / sizeof(*read_only); i++) {
		if (mount(read_only[i], read_only[i], NULL, MS_BIND, NULL)) {
			if (errno == ENOENT) /* this kernel has none */
				continue;
			return false;
		}
		if (mount(NULL, read_only[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL))
			return false;
	}
	for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
		if (mount("/dev/null", hidden[i], NULL, MS_BIND, NULL) && errno != ENOENT)
			return false;
	return true;
	/* endregion 01.proc */
}

/* What is not in the bounding set, nobody gets back: not by executing a program of root's either. */
static bool bound_capabilities(void)
{
	/* region 10.capabilities */
	for (int cap = 0; cap < 64; cap++)
		if (!(KEPT_CAPABILITIES >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)) {
			if (errno == EINVAL) /* beyond the last one of this kernel */
				break;
			return false;
		}
	/* endregion 10.capabilities */
	return true;
}

static bool set_capabilities(void)
{
	/* region 10.capset */
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	for (int i = 0; i < 2; i++) {
		data[i].permitted = (uint32_t)(KEPT_CAPABILITIES >> (32 * i));
		data[i].effective = data[i].permitted;
	}
	return !syscall(SYS_capset, &header, data);
	/* endregion 10.capset */
}

static bool filter_calls(void)
{
	/* region 10.filter */
	static const unsigned int refused[] = REFUSED_CALLS;
	enum { COUNT = sizeof(refused) / sizeof(*refused) };
	const struct sock_filter load_architecture =
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	const struct sock_filter load_number =
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	const struct sock_filter load_flags = /* the low half: both architectures are little-endian */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]));
	const struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	struct sock_filter code[2 * COUNT + 16];
	unsigned short count = 0;
	struct sock_fprog program = { .filter = code };

	code[count++] = load_architecture;
	code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	code[count++] = refuse;
	code[count++] = load_number;
	code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, X32, 0, 1);
	code[count++] = refuse;
	for (int i = 0; i < COUNT; i++) {
		code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i], 0, 1);
		code[count++] = refuse;
	}
	/* Its flags lie behind a pointer, where no filter can look. The C libraries then use clone(). */
	code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
	code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3);
	code[count++] = load_flags;
	code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1);
	code[count++] = refuse;
	code[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = count;
	return !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
	/* endregion 10.filter */
}

static bool gain_nothing(void)
{
	/* region 10.privileges */
	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* endregion 10.privileges */
}

/* execve, for a name without a slash in the folders of PATH. Returns with the errno that says most. */
static void execute(char *const *argv)
{
	size_t length = strlen(argv[0]);
	int found = ENOENT;
	char path[4096];

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, environment);
		return;
	}
	for (size_t i = 0; i < sizeof(path_folders) / sizeof(*path_folders); i++) {
		size_t folder = strlen(path_folders[i]);

		if (folder + length >= sizeof(path))
			continue;
		memcpy(path, path_folders[i], folder);
		memcpy(path + folder, argv[0], length + 1);
		execve(path, argv, environment);
		if (errno != ENOENT && errno != ENOTDIR)
			found = errno;
	}
	errno = found;
}

_Noreturn void child_become(const struct child *child)
{
	int error, null;
	char go;

	/* If the supervisor dies, so do we. Had it died before this line, `go` will never come. */
	close(child->go_write);
	if (!die_with_supervisor() || setsid() < 0)
		fail(child, STEP_PROCESS);
	reset_signals();
	nice_session(child->nice);
	umask(022);
	if (dup2(child->output, STDOUT_FILENO) < 0 || dup2(child->output, STDERR_FILENO) < 0 ||
	    setrlimit(RLIMIT_NOFILE, &child->files))
		fail(child, STEP_PROCESS);
	/* region 10.descriptors */
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC))
		fail(child, STEP_PROCESS);
	/* endregion 10.descriptors */

	/* region 01.mounts */
	/* First of all mounts: without it, each of the others would appear on the host, too. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail(child, STEP_MOUNTS);
	/* endregion 01.mounts */
	if (!enter_rootfs(child))
		fail(child, STEP_ROOTFS);
	if (!make_dev())
		fail(child, STEP_DEV);
	if (!make_proc())
		fail(child, STEP_PROC);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0)
		fail(child, STEP_IDENTITY);
	/* region 01.hostname */
	if (sethostname(child->id, strlen(child->id)))
		fail(child, STEP_IDENTITY);
	/* endregion 01.hostname */
	/* region 08.nice */
	if (setpriority(PRIO_PROCESS, 0, child->nice))
		fail(child, STEP_IDENTITY);
	/* endregion 08.nice */
	if (!filter_calls()) /* while we have CAP_SYS_ADMIN: without, it takes no_new_privs */
		fail(child, STEP_FILTER);
	/* The system call: the library's function would wait for all the threads we do not have. */
	if (syscall(SYS_setgroups, 0, NULL) || !bound_capabilities() || !set_capabilities() || !gain_nothing() ||
	    !die_with_supervisor()) /* again: a change of user or group, if ever one is made above, clears it */
		fail(child, STEP_RIGHTS);

	/* The keeper must know us first. End of file: the supervisor is gone. */
	if (read(child->go, &go, 1) != 1)
		_exit(EXIT_ENGINE);
	execute(child->argv);
	error = errno;
	if (error == ENOENT && strchr(child->argv[0], '/') && !access(child->argv[0], F_OK)) {
		errno = error;
		fail(child, STEP_EXEC_INTERPRETER);
	}
	errno = error;
	fail(child, STEP_EXEC);
}
