# Thin: everything is in make.py, which needs only Python.
PYTHON ?= python3

.PHONY: small training test
small:
	@$(PYTHON) make.py small

training:
	@$(PYTHON) make.py training

test:
	@$(PYTHON) make.py test
