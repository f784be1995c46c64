# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += README.md doc/NEWS
dist_man_MANS += doc/libifdvpiv.8 doc/vpiv.1 doc/vpiv.7 doc/vpiv-card.5 doc/vpiv.conf.5

# Complete examples of a card in other people's tests; test_recipes.sh runs them.
recipesdir = $(docdir)/recipes
dist_recipes_DATA = doc/recipes/README.md doc/recipes/Dockerfile doc/recipes/conftest.py doc/recipes/github-actions.yml \
	doc/recipes/gitlab-ci.yml doc/recipes/test_example.py doc/recipes/trap.sh
