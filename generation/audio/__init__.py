"""Sound: note banks made from soundfonts, sample-exact mixing, encoding.

``soundfonts`` plays a font through FluidSynth once and cuts it into a bank, ``banks`` stores,
finds and loads banks, ``mix`` adds their notes up, ``encode`` writes files. FluidSynth is needed
to make a bank, never to use one.
"""
