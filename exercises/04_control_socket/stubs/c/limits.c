/*
 * Refuse a soft limit above the hard one.
 *
 * In:  options[0].value, options[1].value: the two, in MiB, each as given or the default.
 * Errors: complain() that says what to do, then `goto out`.
 *
 * Until you do, they are not compared.
 */
