#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
set -eu
cd "$(dirname "$0")"
mkdir -p m4
autoreconf -fi
[ -n "${NOCONFIGURE:-}" ] || { mkdir -p build && cd build && ../configure; }
