/*
 * Record that the container runs. Where a stop was asked for meanwhile
 * (container->stop_requested), now is the time (ask_to_end()).
 *
 * Until you do, `ps` says of every container that it is starting.
 */
