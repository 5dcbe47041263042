# Each target sets up what it needs in .venv first, which takes a moment when nothing is to be done.
# The work is in setup_env.py, plain Python; without make, call that:  python3 setup_env.py study
#
#   make study            set up and open the course      (TORCH=cpu or TORCH=cuda chooses the PyTorch build)
#   make test             set up and run every test   (ARGS=--account writes down what it cost)
#   make check            format, lint, types, import rules and the fast tests
#   make bench            the benchmarks
#   make clean            remove the environment and the caches; your work is not in this folder
#
# ARGS="..." is passed on, e.g.  make study ARGS="01"   PYTHON=python3.12 chooses the Python.

.DEFAULT_GOAL := study
.PHONY: study test check bench install clean

study test check bench install:
	@$(FIND_PYTHON); "$$python" setup_env.py $@ $(ARGS)

clean:
	@$(FIND_PYTHON); "$$python" setup_env.py clean

# The environment's own Python once it exists; before that the first Python that is new enough, one that can make
# environments preferred.
define FIND_PYTHON
python=; second=; \
for p in "$(PYTHON)" .venv/bin/python python3 python3.14 python3.13 python3.12 python3.11 python; do \
  [ -n "$$p" ] && "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
  [ "$$p" = .venv/bin/python ] && { python=$$p; break; }; \
  "$$p" -c 'import ensurepip, venv' 2>/dev/null && { python=$$p; break; }; \
  second=$${second:-$$p}; \
done; \
python=$${python:-$$second}; \
[ -n "$$python" ] || { echo 'dlstudy needs Python 3.11 or newer, and none was found on this machine.' \
  'Install one (https://www.python.org/downloads/), or name it: make study PYTHON=/path/to/python3.12' >&2; exit 1; }
endef
export TORCH
