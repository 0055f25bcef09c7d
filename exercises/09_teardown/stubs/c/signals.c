/*
 * A signal that ends the supervisor has come: take it from source->fd (signalfd(2)), and set
 * told_to_end, for which supervise() looks.
 *
 * Until you do, a signal ends the supervisor at once, and it leaves everything behind.
 */
(void)source;
(void)events;
_exit(1);
