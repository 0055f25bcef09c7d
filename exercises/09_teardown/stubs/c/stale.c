/*
 * Lock the file LOCK_PATH (fcntl(2), F_SETLK), so that the kernel lets go of it when we end,
 * however that is. Whoever holds it and does not answer any more (somebody_answers()) is on
 * its way out: try again until TAKE_OVER_MS are over.
 *
 * Out: true; the file stays open, and is the lock.
 * Errors: false, after complain() said what to do: another supervisor lives.
 *
 * Until you do, a second supervisor takes the socket away from the first.
 */
(void)somebody_answers;
return true;
