/*
 * Make child->rootfs the root of this mount namespace, with devices switched off (a bind
 * mount on itself, then a remount with MS_NODEV), and let go of the old root, so that no way
 * leads back to it: neither `..`, nor a second chroot (pivot_root(2), umount2(2)).
 *
 * In:  child->device, child->inode: what lay at the path when it was found free.
 * Out: true; "/" and the working directory are the rootfs.
 * Errors: false, errno says why; ESTALE where something else lies there now.
 *
 * Until you do, it is a chroot, which leads out again for whoever knows how.
 */
return !chroot(child->rootfs) && !chdir("/");
