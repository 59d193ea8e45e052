#!/usr/bin/env bash
# Copies the executables, stripped, and the libraries that a Debian image does not have into a folder that is laid out like the root of an
# image. `pack.sh BINARIES FOLDER [--all-libraries]`; with the last one also those that Debian has, besides glibc.
set -euo pipefail
binaries=$1 folder=$2 all=${3:-}
executables=(e2llm profiler partitioner clusterer scheduler gateway prefill-worker decoder-worker)
rm -rf "$folder"
mkdir -p "$folder/usr/local/bin" "$folder/usr/local/lib/e2llm" "$folder/var/lib/e2llm" "$folder/models"
for name in "${executables[@]}"; do
  strip -o "$folder/usr/local/bin/$name" "$binaries/$name"
  # The loader finds the Swift runtime where the image has it.
  ldd "$binaries/$name"
done | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r library; do
  case "$library" in
    */libc.so.*|*/libm.so.*|*/ld-linux*|*/libpthread.so.*|*/libdl.so.*|*/librt.so.*|*/libresolv.so.*) ;;
    */swift/*) cp -L "$library" "$folder/usr/local/lib/e2llm/" ;;
    *) [ -z "$all" ] || cp -L "$library" "$folder/usr/local/lib/e2llm/" ;;
  esac
done
chmod 0755 "$folder/usr/local/bin/"*
