/*
 * Let nobody who comes from here gain privileges by executing a program (no_new_privs,
 * prctl(2)).
 *
 * Out: true. Errors: false, errno says why.
 *
 * Until you do, a set-user-ID program in a container works as it does on the host.
 */
return true;
