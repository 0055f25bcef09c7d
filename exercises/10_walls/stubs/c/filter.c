/*
 * Have the kernel run a filter before each system call from here on (prctl(2),
 * PR_SET_SECCOMP, SECCOMP_MODE_FILTER): an array of struct sock_filter, made by BPF_STMT and
 * BPF_JUMP of linux/filter.h. Refuse (EPERM) every call of another ARCHITECTURE, and of X32;
 * those of REFUSED_CALLS; and a clone() with one of the flags NAMESPACES. To clone3() say
 * that there is no such call (ENOSYS): its flags lie behind a pointer, which no filter can
 * follow. Allow the rest.
 *
 * Out: true. Errors: false, errno says why.
 *
 * Until you do, every call is there.
 */
return true;
