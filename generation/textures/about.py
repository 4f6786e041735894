"""What rows of the corpus are known by: its name, the version of the rows, and their address."""

NAME = "textures"
DATA_VERSION = "3.0.0"
ADDRESS = ("sound", "setting_index", "example_index", "chunk_index")
