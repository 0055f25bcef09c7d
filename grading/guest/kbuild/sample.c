// SPDX-License-Identifier: MIT
/* The least that is a module: kbuild asks the same of the compiler for it as for any. */
#include <linux/module.h>

MODULE_DESCRIPTION("A sample");
MODULE_LICENSE("Dual MIT/GPL");
