/*
 * Stop a container: the signal that asks (send_signal()), GRACE_MS later SIGKILL. Nobody
 * waits here: containers_tick() sends SIGKILL when ->kill_at has come (now_ms() counts).
 * container_stop() notes that it was asked for (note_stop()); one whose state is not RUNNING
 * is asked when it runs. Who waits for the end is told by finish().
 *
 * Until you do, it is killed without a word, and nobody waits for its end.
 */
static void ask_to_end(struct container *container)
{
	send_signal(container, SIGKILL);
}

void container_stop(struct container *container)
{
	struct connection *waiting = NULL;

	(void)note_stop;
	ask_to_end(container);
	while ((waiting = connection_waiting(waiting, container)))
		if (!strcmp(connection_request(waiting)->at[REQUEST_COMMAND], "stop"))
			answer(waiting, EXIT_ENGINE, 'e', "engine: container %s was sent SIGKILL; nobody waits for its end\n",
			       container->id);
}
