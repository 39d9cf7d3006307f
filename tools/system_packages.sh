#!/bin/sh
# Installs the system libraries that pip cannot install.
#   tools/system_packages.sh run|test
# As root on Debian or Ubuntu it installs missing packages. Elsewhere it prints what to install and exits with 0;
# the app then shows a badge for a missing device, and the tests skip.
set -eu

run="libportaudio2 libegl1 libgl1 libglib2.0-0 libdbus-1-3 libfontconfig1 fonts-dejavu-core
     libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-cursor0 libxcb-image0 libxcb-randr0
     libxcb-render-util0 libxcb-shape0"
test="xvfb xdotool pulseaudio pulseaudio-utils libasound2-plugins"

case "${1:-run}" in
    run) packages="$run" ;;
    test) packages="$run $test" ;;
    *) echo "usage: $0 run|test" >&2; exit 2 ;;
esac

[ "$(uname -s)" = Linux ] || exit 0
if ! command -v dpkg-query >/dev/null 2>&1; then
    command -v ldconfig >/dev/null 2>&1 && ldconfig -p | grep -q 'libportaudio\.so\.2' && exit 0
    echo "emolive needs PortAudio and Qt's xcb libraries: install your system's packages for portaudio and xcb-util-cursor." >&2
    exit 0
fi

missing=""
for package in $packages; do
    # Newer releases have some of these under a name that ends in t64.
    for name in "$package" "${package}t64"; do
        dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' && continue 2
    done
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    echo "Installing system packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "Please install these packages first: sudo apt-get install$missing" >&2
