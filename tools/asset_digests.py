"""Writes the digests of all shipped files to assets/SHA256SUMS; run it when one of them is replaced."""

import sys

from emolive.paths import assets_dir, write_manifest

if __name__ == "__main__":
    sys.stdout.write(f"{write_manifest(assets_dir())}\n")
