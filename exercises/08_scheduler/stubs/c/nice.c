/*
 * Give this process the nice value child->nice, -20 to 19; what it forks inherits it.
 *
 * Errors: fail(child, STEP_IDENTITY), with the errno of the call; it does not return.
 *
 * Until you do, everybody is equal.
 */
