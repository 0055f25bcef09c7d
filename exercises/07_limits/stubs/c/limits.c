/*
 * Have the monitor hold the container's memory limits (kernel_register()). It has executed
 * its program a moment ago.
 *
 * Errors: container_fail(container, EXIT_ENGINE, …) where the limits cannot be held, and
 *      return.
 *
 * Until you do, nobody holds them.
 */
