"""The textures corpus: sound textures of a synthesizer's parameter space.

Read in this order: ``values`` (parameters and curves), ``synth`` (the protocol that synthesizers keep),
``synths/`` (those that are built in), ``settings`` (what corpus to make), ``schema`` (configuration files),
``space`` (which points of the parameter space), ``corpus`` (rows), ``records/`` (other people's formats).
"""
