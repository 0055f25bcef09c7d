// SPDX-License-Identifier: MIT
/*
 * Jobs: programs that the observer starts, as the submission's own engine. Each is the leader of
 * a session of its own. Time and output are limited: after its time a job's process group is
 * killed, after its bytes of output the rest is read and only counted.
 */
#define _GNU_SOURCE
#include "observer.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define DRAIN_NS 150000000ull	/* a daemon may hold a job's output open for ever */
#define CHUNK 65536
#define LAST_CHUNKS 16	/* a full pipe, and what a daemon that holds it writes meanwhile */

struct job;

struct stream {
	struct source source;	/* first: epoll's pointer is a source */
	struct job *job;
	enum kind kind;
	uint64_t passed;
};

struct job {
	struct job *next;
	uint32_t request;
	pid_t pid;
	struct stream out, err;
	struct source in;
	char *input;
	size_t input_length, input_used;
	uint64_t deadline, drained_by, limit, ended;
	int status, reaped, expired;
};

static struct job *jobs;

static void finish_stream(struct stream *stream)
{
	if (stream->source.fd < 0)
		return;
	unwatch(&stream->source);
	close(stream->source.fd);
	stream->source.fd = -1;
}

static void read_stream(struct source *source)
{
	struct stream *stream = (struct stream *)source;
	char bytes[CHUNK];
	ssize_t got;

	/* Once a turn: a program that prints without end shall not keep the loop from its other work. */
	got = read(source->fd, bytes, sizeof(bytes));
	if (got > 0) {
		uint64_t left = stream->passed < stream->job->limit ? stream->job->limit - stream->passed : 0;
		size_t pass = (uint64_t)got < left ? (size_t)got : (size_t)left;

		stream->passed += (uint64_t)got;
		if (pass) {
			struct message message = { 0 };

			put_field(&message, bytes, pass);
			send_message(stream->job->request, stream->kind, &message);
		}
	} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
		finish_stream(stream);
	}
}

static void feed(struct source *source)
{
	struct job *job = (struct job *)((char *)source - offsetof(struct job, in));
	ssize_t done = 0;

	if (job->input_used < job->input_length)
		done = write(source->fd, job->input + job->input_used, job->input_length - job->input_used);
	if (done > 0)
		job->input_used += (size_t)done;
	if ((done < 0 && errno != EAGAIN && errno != EINTR) || job->input_used == job->input_length) {
		unwatch(source);
		close(source->fd);
		source->fd = -1;
	}
}

/* In the child: as a program is started from a shell, whatever the observer is. */
static void become(const struct request *request, int in, int out, int err, const char *folder, uid_t user)
{
	struct rlimit files = { 1024, 1048576 };
	char **words = calloc(FIELDS_MAX, sizeof(*words));
	sigset_t none;
	int adjust;

	for (int i = 6; i < request->count; i++)
		words[i - 6] = field_text(&request->fields[i]);
	setsid();
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	syscall(SYS_close_range, 3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
	setpriority(PRIO_PROCESS, 0, 0);
	setrlimit(RLIMIT_NOFILE, &files);
	adjust = openat(proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (adjust >= 0) {
		(void)!write(adjust, "0", 1);
		close(adjust);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir(folder))
		_exit(126);
	if (user && (setgroups(0, NULL) || setgid(user) || setuid(user)))
		_exit(126);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("PWD", folder, 1); /* as a shell does; Makefiles of modules often say M=$(PWD) */
	execvp(words[0], words);
	_exit(errno == ENOENT ? 127 : 126);
}

/* start | time limit in ms, 0 for none | bytes of each output | folder | user id | standard input | words… */
void job_start(const struct request *request)
{
	int in[2], out[2], err[2];
	struct message message = { 0 };
	struct job *job;
	char *folder;

	if (request->count < 7) {
		reply_failure(request->number, EINVAL, "start");
		return;
	}
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
		reply_failure(request->number, errno, "pipe");
		return;
	}
	job = must_allocate(NULL, sizeof(*job));
	memset(job, 0, sizeof(*job));
	folder = field_text(&request->fields[3]);
	job->pid = fork();
	if (job->pid == 0)
		become(request, in[0], out[1], err[1], folder, (uid_t)field_number(&request->fields[4]));
	free(folder);
	close(in[0]);
	close(out[1]);
	close(err[1]);
	if (job->pid < 0) {
		reply_failure(request->number, errno, "fork");
		close(in[1]);
		close(out[0]);
		close(err[0]);
		free(job);
		return;
	}
	job->request = request->number;
	if (field_number(&request->fields[1]))
		job->deadline = now_ns() + (uint64_t)field_number(&request->fields[1]) * 1000000u;
	job->limit = (uint64_t)field_number(&request->fields[2]);
	job->out = (struct stream){ { read_stream, out[0] }, job, OUTPUT, 0 };
	job->err = (struct stream){ { read_stream, err[0] }, job, ERRORS, 0 };
	job->in = (struct source){ feed, in[1] };
	job->input = field_text(&request->fields[5]);
	job->input_length = request->fields[5].length;
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	watch(&job->out.source, EPOLLIN);
	watch(&job->err.source, EPOLLIN);
	watch(&job->in, EPOLLOUT);
	job->next = jobs;
	jobs = job;
	put_number(&message, job->pid);
	put_number(&message, start_time(job->pid));
	send_message(job->request, STARTED, &message);
}

/* signal | pid | its start time, or -1 for whatever has the pid | number | 1 for its process group */
void job_signal(const struct request *request)
{
	struct message message = { 0 };
	int pid, failed;

	if (request->count < 5) {
		reply_failure(request->number, EINVAL, "signal");
		return;
	}
	pid = (int)field_number(&request->fields[1]);
	if (pid <= 1 || (field_number(&request->fields[2]) >= 0 &&
			 start_time(pid) != field_number(&request->fields[2]))) {
		reply_failure(request->number, ESRCH, "signal");
		return;
	}
	failed = kill(field_number(&request->fields[4]) ? -pid : pid, (int)field_number(&request->fields[3]));
	if (failed)
		reply_failure(request->number, errno, "signal");
	else
		send_message(request->number, REPLY, &message);
}

void jobs_reap(void)
{
	for (struct job *job = jobs; job; job = job->next) {
		/* Only its own children: what else it might inherit is nobody's business here. */
		if (!job->reaped && waitpid(job->pid, &job->status, WNOHANG) == job->pid) {
			job->reaped = 1;
			job->ended = now_ns();
			job->drained_by = job->ended + DRAIN_NS;
		}
	}
}

int jobs_next_deadline(void)
{
	uint64_t next = UINT64_MAX, now = now_ns();

	for (struct job *job = jobs; job; job = job->next) {
		uint64_t due = job->reaped ? job->drained_by : job->deadline && !job->expired ? job->deadline : UINT64_MAX;

		if (job->reaped && job->out.source.fd < 0 && job->err.source.fd < 0)
			due = now;
		next = due < next ? due : next;
	}
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now) / 1000000u + 1);
}

/* Other work may have kept the loop from looking until its time was over. */
static void drain(struct stream *stream)
{
	uint64_t before;

	for (int i = 0; i < LAST_CHUNKS && stream->source.fd >= 0; i++) {
		before = stream->passed;
		read_stream(&stream->source);
		if (stream->passed == before)
			break;
	}
	finish_stream(stream);
}

static void finish(struct job *job)
{
	struct message message = { 0 };

	drain(&job->out);
	drain(&job->err);
	if (job->in.fd >= 0) {
		unwatch(&job->in);
		close(job->in.fd);
	}
	put_number(&message, job->status);
	put_number(&message, job->expired);
	put_number(&message, (long long)job->out.passed);
	put_number(&message, (long long)job->err.passed);
	put_number(&message, (long long)job->ended);
	send_message(job->request, REPLY, &message);
	free(job->input);
	free(job);
}

void jobs_expire(void)
{
	uint64_t now = now_ns();

	for (struct job **place = &jobs; *place;) {
		struct job *job = *place;
		int drained = job->out.source.fd < 0 && job->err.source.fd < 0;

		if (!job->reaped && job->deadline && !job->expired && now >= job->deadline) {
			job->expired = 1;
			kill(-job->pid, SIGKILL);
			kill(job->pid, SIGKILL);
		}
		if (job->reaped && (drained || now >= job->drained_by)) {
			*place = job->next;
			finish(job);
			continue;
		}
		place = &job->next;
	}
}
