#!/bin/sh
# Makes the base image of the Dockerfile from Debian's packages, for a machine that reaches no image
# registry: sudo tests/image/debian-base.sh, then make image-test. Needs buildah and debootstrap.
set -eu
cd "$(dirname "$0")/../.."

base=$(sed -n 's/^FROM \(python:[^ ]*\).*/\1/p' Dockerfile | head -n 1)
suite=${1:-trixie}  # the one with the Python of the Dockerfile
: "${BUILDAH_ISOLATION:=chroot}" "${STORAGE_DRIVER:=vfs}"
export BUILDAH_ISOLATION STORAGE_DRIVER

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv "$suite" "$root"
for name in python python3; do ln -s /usr/bin/python3 "$root/usr/local/bin/$name"; done
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

# How this machine reaches its package index.
if [ -n "${SSL_CERT_FILE:-}" ]; then cp "$SSL_CERT_FILE" "$root/etc/ssl/certs/ca-certificates.crt"; fi
if [ -f /etc/pip.conf ]; then cp /etc/pip.conf "$root/etc/pip.conf"; fi

container=$(buildah from scratch)
buildah copy --quiet "$container" "$root" / >/dev/null
buildah config --env PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin --env UV_NATIVE_TLS=true "$container"
buildah commit --quiet --rm "$container" "docker.io/library/$base"
