/*
 * Hear from the child whether its program has been executed. exec closes the failure pipe,
 * so its end without a byte says yes; a `struct failure` before it says at which step what
 * failed. A child that was killed before has closed it, too: has_executed(pid).
 *
 * In:  source->fd: the reading end; it does not block (EAGAIN: come again later).
 *      loop_forget(source, true) closes it.
 * Out: go on where the program runs; return where there is nothing to say yet.
 * Errors: explain(container, &failure), or container_fail(container, EXIT_ENGINE, …), and
 *      return: that is the answer, and no record stays.
 *
 * Until you do, the end is waited for, and the words are thrown away. (The casts keep the
 * compiler from complaining of functions that nobody calls yet.)
 */
(void)explain;
(void)has_executed;
loop_forget(source, true);
