/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The ring: events of one open file, from when they happen until they are read
 *
 * Its room is there from the start, so putting an event in cannot fail: where
 * nobody reads, the oldest makes room for the newest, and the next reader is told
 * how many he missed. No locks here; the caller holds one around put and take.
 * ring_has_events() may look without it, and learns only that it is worth trying.
 */
#ifndef MONITOR_RING_H
#define MONITOR_RING_H

#include "monitor_ioctl.h"

/* Three events for each of 340 containers. A power of two: head and tail wrap. */
#define RING_SIZE 1024

/**
 * struct monitor_ring - events in order
 * @head: number of events ever put in
 * @tail: number of events that have left, read or dropped
 * @lost: events dropped since the last one that was taken
 * @slots: event n lies in slot n % RING_SIZE
 */
struct monitor_ring {
	unsigned int head;
	unsigned int tail;
	unsigned int lost;
	struct monitor_event slots[RING_SIZE];
};

static inline bool ring_has_events(struct monitor_ring *ring)
{
	return READ_ONCE(ring->head) != READ_ONCE(ring->tail);
}

static inline void ring_put(struct monitor_ring *ring, const struct monitor_event *event)
{
	if (ring->head - ring->tail == RING_SIZE) {
		ring->lost++;
		WRITE_ONCE(ring->tail, ring->tail + 1);
	}
	ring->slots[ring->head % RING_SIZE] = *event;
	WRITE_ONCE(ring->head, ring->head + 1);
}

/* Take the oldest event out. Return: false when there is none. */
static inline bool ring_take(struct monitor_ring *ring, struct monitor_event *event)
{
	if (!ring_has_events(ring))
		return false;
	*event = ring->slots[ring->tail % RING_SIZE];
	event->lost = ring->lost;
	ring->lost = 0;
	WRITE_ONCE(ring->tail, ring->tail + 1);
	return true;
}

/* Say that an event which was taken did not reach its reader. */
static inline void ring_give_up(struct monitor_ring *ring, const struct monitor_event *event)
{
	ring->lost += event->lost + 1;
}

#endif /* MONITOR_RING_H */
