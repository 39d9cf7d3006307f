"""How the packages for training are installed."""

INSTALL = "run `make train-ready` in the folder of emolive, or pip install -e '.[train]' there"
