# Thin: everything is in make.py, which needs only Python.
PYTHON ?= python3

.PHONY: small training interop test
small:
	@$(PYTHON) make.py small

training:
	@$(PYTHON) make.py training

interop:
	@$(PYTHON) make.py interop

test:
	@$(PYTHON) make.py test
