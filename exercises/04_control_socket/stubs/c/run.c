/*
 * Tell what `run` ends with: the container's exit code, or 128 + the signal that ended it.
 *
 * In:  container->exit_code: CLD_EXITED, CLD_KILLED or CLD_DUMPED; ->exit_value.
 * Out: a status of 0 to 255.
 *
 * Until you do, all went well.
 */
(void)container;
return 0;
