/*
 * Refuse a container whose id is another's that has not ended, or whose rootfs is.
 *
 * In:  new: id, rootfs (a path), device, inode. container_first() and ->next: all there are;
 *      those whose state is EXITED have ended. lies_in(path, device, inode) tells whether the
 *      folder at the path is the one of these numbers, or lies in it; not the other way round.
 * Out: go on where there is none.
 * Errors: false, after answer(connection, EXIT_ENGINE, 'e', …) said what to do.
 *
 * Until you do, everybody comes in. (The cast keeps the compiler from complaining of a
 * function that nobody calls yet.)
 */
(void)lies_in;
