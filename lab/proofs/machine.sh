#!/bin/sh
# machine.sh ROOT NAME HIERARCHIES FOLDER LINE: runs a line of shell as on a machine of its own. Its processes, mounts,
# control groups and name are its own; the network is this machine's, because packages come over it.
# HIERARCHIES: one word TYPE:MOUNTPOINT:GROUP each, the control groups that were made for it.
set -eu

# The part that runs in the new control-group namespace, with the machine's root file system as its root.
if [ "$1" = --inside ]; then
    shift
    root=$1 name=$2 hierarchies=$3 folder=$4 line=$5
    printf '%s' "$name" >/proc/sys/kernel/hostname
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount -t sysfs sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
    mount -t tmpfs -o mode=755 run "$root/run"
    mkdir -p "$root/run/lock"
    for hierarchy in $hierarchies; do
        type=${hierarchy%%:*}
        point=${hierarchy#*:}
        point=${point%:*}
        # Where the groups have one hierarchy of the new kind, it is mounted on the folder itself; else on one below.
        if [ "$point" != /sys/fs/cgroup ]; then
            mountpoint -q "$root/sys/fs/cgroup" || mount -t tmpfs -o mode=755 groups "$root/sys/fs/cgroup"
            mkdir -p "$root$point"
        fi
        options=rw
        [ "$type" = cgroup2 ] || options=none,name=systemd
        mount -t "$type" -o "$options" "$type" "$root$point"
    done
    cd "$root"
    pivot_root . mnt
    umount -l /mnt
    cd "$folder"
    # This shell stays process 1: it takes in the orphans, and with it ends everything.
    if [ -t 0 ]; then
        setsid --ctty --wait sh -c "$line" && code=0 || code=$?
    else
        sh -c "$line" && code=0 || code=$?
    fi
    exit "$code"
fi

for hierarchy in $3; do
    echo 0 >"${hierarchy##*:}/cgroup.procs"
done
exec unshare --cgroup -- "$0" --inside "$@"
