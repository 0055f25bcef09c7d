/*
 * Remove our socket, SOCKET_PATH. By now another supervisor's may lie there: compare device
 * and inode with those that ours had (own_socket).
 *
 * Out: nothing; that it is gone already is no failure.
 *
 * Until you do, it stays.
 */
