/*
 * Drop every capability that is not in KEPT_CAPABILITIES (a bit for each number) from the
 * bounding set (prctl(2), PR_CAPBSET_DROP). How many there are, depends on the kernel: it
 * refuses (EINVAL) the first that it has not got.
 *
 * Errors: false, errno says why.
 *
 * Until you do, a container may regain every capability that root has.
 */
