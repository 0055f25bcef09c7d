/*
 * Give our session the nice value, too: with autogroups (sched(7)) the scheduler weighs
 * sessions against each other. It is written, as a text, into /proc/self/autogroup.
 *
 * In:  nice: -20 to 19. Nothing here may allocate or print (see the top of this file).
 * Out: nothing; where there is no such file, there is no need.
 *
 * Until you do, every session has the same share.
 */
(void)nice;
