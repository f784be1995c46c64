# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += README.md doc/NEWS
