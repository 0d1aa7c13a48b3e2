#!/bin/sh
# Builds what the tests of archive/s3 ask over the network: versitygw, a store that
# speaks S3 and keeps objects as files. It is no part of go.mod, as it brings many
# modules that nothing else here needs.
set -eu

version=v1.8.0
cd "$(dirname "$0")/../.."
[ -x "build/versitygw-$version" ] && exit 0
mkdir -p build
into=$(mktemp -d build/versitygw.XXXXXX)
trap 'rm -rf "$into"' EXIT
GOFLAGS= GOBIN="$PWD/$into" ${GO:-go} install -trimpath -ldflags='-s -w' "github.com/versity/versitygw/cmd/versitygw@$version"
mv "$into/versitygw" "build/versitygw-$version"
