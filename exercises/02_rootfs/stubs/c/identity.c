/*
 * Refuse a container whose id is another's that has not ended, or whose rootfs is.
 *
 * In:  new: id, rootfs (a path), device, inode. container_first() and ->next: all there are;
 *      those whose state is EXITED have ended. lies_in(path, device, inode) tells whether
 *      that folder is the one at the path, or lies in it.
 * Out: go on where there is none.
 * Errors: false, after answer(connection, EXIT_ENGINE, 'e', …) said what to do.
 *
 * Until you do, everybody comes in. (The cast keeps the compiler from complaining of a
 * function that nobody calls yet.)
 */
(void)lies_in;
