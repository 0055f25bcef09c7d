/*
 * Let exec close every descriptor from 3 on, whoever opened it and however
 * (close_range(2), CLOSE_RANGE_CLOEXEC).
 *
 * Errors: fail(child, STEP_PROCESS), with the errno of the call; it does not return.
 *
 * Until you do, what the child inherited stays open in the container.
 */
