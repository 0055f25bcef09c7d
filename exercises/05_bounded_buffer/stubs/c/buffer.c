/*
 * One thread puts, one thread takes. log->data is a ring of BUFFER_SIZE bytes: `fill` of them
 * count, from `start` on, round the corner. ->ended is true once nothing will be put any
 * more. All of these change under log->lock; not_full and not_empty are conditions of that
 * lock.
 */

/* Put so many bytes, all of them; wait while there is no room. Until you do, none is kept. */
static void put(struct log *log, const char *from, size_t size)
{
	(void)log;
	(void)from;
	(void)size;
}

/* Take what is there, CHUNK bytes at most; wait while there is nothing. Return: how many;
 * 0 when it is empty for ever. Until you do, there is never anything. */
static size_t take(struct log *log, char *to)
{
	(void)to;
	pthread_mutex_lock(&log->lock);
	while (!log->ended)
		pthread_cond_wait(&log->not_empty, &log->lock);
	pthread_mutex_unlock(&log->lock);
	return 0;
}
