/*
 * Set the hostname of this UTS namespace to child->id.
 *
 * Errors: fail(child, STEP_IDENTITY), with the errno of the call; it does not return.
 *
 * Until you do, the container has the host's name.
 */
