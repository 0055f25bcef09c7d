/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The probe: one program that does to the monitor what the tests want done.
 * It prints facts, a line each; what they should be is said in the tests.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdint.h>
#include <sys/types.h>

#include "monitor_ioctl.h"

#define DEVICE "/dev/container_monitor"
#define MIB (1ull << 20)

/* A command of the probe; arguments as in main(), the command's name first. */
int cmd_refusals(int argc, char **argv);
int cmd_container(int argc, char **argv);
int cmd_fuzz(int argc, char **argv);
int cmd_churn(int argc, char **argv);
int cmd_knock(int argc, char **argv);
int cmd_crowd(int argc, char **argv);

/* Open the device, or say why not and exit. */
int open_device(int flags);

/* Fork into new namespaces (CLONE_NEW...) or none; as clone(2). */
pid_t try_fork_into(int namespaces);

/* The same, and exits where it cannot. */
pid_t fork_into(int namespaces);

struct monitor_request request_v1(pid_t pid, uint64_t soft, uint64_t hard, const char *id);
struct monitor_request_v2 request_v2(pid_t pid, uint64_t soft, uint64_t hard, const char *id);

_Noreturn void die(const char *what);

#endif /* PROBE_H */
