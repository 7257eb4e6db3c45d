#!/usr/bin/env bash
# Puts a Chromium where the tests of the report find it, if there is none. Failing is no error: those tests are then
# skipped and say why.
set -uo pipefail
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name" > /dev/null; then
    echo "== browser: $(command -v "$name")"
    exit 0
  fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  echo "== no browser: install chromium with your package manager to test the report's page in it"
  exit 0
fi
echo "== installing chromium for the tests of the report"
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } > /dev/null; then
  echo "== chromium could not be installed; the tests of the report's page in a browser are skipped" >&2
fi
