# Thin: everything is in make.py, which needs only Python.
PYTHON ?= python3

.PHONY: small test
small:
	@$(PYTHON) make.py small

test:
	@$(PYTHON) make.py test
