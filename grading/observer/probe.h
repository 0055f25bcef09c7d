/* SPDX-License-Identifier: MIT */
/* What the probe's files offer each other. */
#ifndef PROBE_H
#define PROBE_H

void pause_us(long us);
int view(const char *nonce, long seconds, char **words);
int calls(const char *nonce);
int escape(const char *nonce);
int relay(char *path);

#endif
