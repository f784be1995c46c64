# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += README.md doc/NEWS
dist_man_MANS += doc/libifdvpiv.8 doc/vpiv.1 doc/vpiv.7 doc/vpiv-card.5 doc/vpiv.conf.5
