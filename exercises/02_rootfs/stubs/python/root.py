# Make the directory behind the descriptor `rootfs` the root of this mount namespace, with
# devices switched off (nodev), and let go of the old root, so that no way leads back to it:
# neither `..`, nor a second chroot, nor a descriptor.
#
# In:  rootfs: a descriptor (O_PATH) of the directory. In `sys` there are open_tree_clone,
#      mount_setattr, move_mount, pivot_root and umount2, each of which says what it does.
# Out: nothing; "/" and the working directory are the rootfs. Errors: the OSError of a call.
#
# Until you do, it is a chroot, which leads out again for whoever knows how.
os.fchdir(rootfs)
os.chroot(".")
