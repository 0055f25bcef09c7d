/*
 * Let no mount or unmount from here on reach the host, in the whole tree of mounts
 * (mount(2)). This is a mount namespace of our own, whose mounts are still tied to the
 * host's.
 *
 * Errors: fail(child, STEP_MOUNTS), with the errno of the call; it does not return.
 *
 * Until you do, what is mounted below appears on the host, too.
 */
