#!/bin/sh
# enter.sh IMAGE MOUNTPOINT WRITABLE|OVERLAY PROGRAM …: runs a program in the image, in namespaces of its own: no network but
# its own loopback, no process and no mount that outlives it. OVERLAY keeps what is written in memory and forgets it.
set -eu
image=$1 point=$2 way=$3; shift 3
if [ "$way" = WRITABLE ]; then
    mount --bind "$image" "$point"
    root=$point
else
    # overlayfs splits its options at commas and colons; relative paths keep those of the folders above out of it.
    mount -t tmpfs -o size=4g,mode=755 rackproof-netbox "$point"
    cd "$point"
    mkdir up work root
    ln -s "$image" image
    mount -t overlay rackproof-netbox -o lowerdir=image,upperdir=up,workdir=work root
    root=$point/root
fi
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
cd /
exec chroot "$root" "$@"
