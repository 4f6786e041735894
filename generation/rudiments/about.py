"""What rows of the corpus are known by: its name, the version of the rows, and their address."""

NAME = "rudiments"
DATA_VERSION = "3.0.0"
ADDRESS = ("profile_index", "rudiment_slug", "variant", "tempo_index", "augmentation_index")
