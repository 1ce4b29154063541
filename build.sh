#!/usr/bin/env bash
# Builds, tests, measures, packs and runs the example: ./build.sh --help. build.cmd does the same on Windows.
set -euo pipefail

root="$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

usage() {
    cat <<'USAGE'
usage: ./build.sh [build | example | test | bench | pack] [options]

  build                        everything (the default)
  example [-- ARGUMENTS]       examples/TicketRouting: train, evaluate, save, load, predict
  test [--filter X] [--category C] [--slow]
                               tests whose full name contains X, of category C; those of category Slow only with --slow
  bench [NAME] [--list] [--json FILE] [--threads N]
                               side-by-side measurements, as ratios taken in one run
  pack                         NuGet packages, into artifacts/

Where the .NET SDK of global.json is missing, it is fetched into .dotnet/ first.

PTUNING_GOLDEN       folder of golden vectors         (default: the copy committed with the tests)
PTUNING_TOKENIZERS   folder of real vocabularies      (default: tokenizers/ beside the golden vectors)
PTUNING_DATA         folder of data sets              (default: data/ of PTUNING_SHARED)
PTUNING_SHARED       files shared by developers       (default: ../shared beside the repository, where it exists)
Tests that need a folder which is not there are inconclusive, and say so.
USAGE
}

say() { echo "build.sh: $*" >&2; }
fail() { say "${*:2}"; exit "$1"; }
refuse() { say "$*"; usage >&2; exit 2; }
no_more() {
    case "${1:-}" in
        "") ;;
        -h | --help) usage; exit ;;
        *) refuse "unknown argument '$1'." ;;
    esac
}

# Folders that the caller names are relative to the caller's folder.
resolve_folders() {
    local name
    if [ -z "${PTUNING_SHARED:-}" ] && [ -d "$root/../shared" ]; then PTUNING_SHARED="$root/../shared"; fi
    for name in PTUNING_GOLDEN PTUNING_TOKENIZERS PTUNING_DATA PTUNING_SHARED; do
        [ -n "${!name:-}" ] || continue
        [ -d "${!name}" ] || fail 2 "$name names '${!name}', which is not a folder (looked from $PWD)."
        export "$name=$(CDPATH='' cd -- "${!name}" && pwd)"
    done
}

has_sdk() { (cd "$root" && dotnet --version) > /dev/null 2>&1; }

# The machine's SDK where it is the one of global.json, else the one in .dotnet.
find_sdk() {
    if has_sdk; then return; fi
    export DOTNET_ROOT="$root/.dotnet" PATH="$root/.dotnet:$PATH"
    has_sdk || install_sdk
}

install_sdk() {
    local attempt version script="$root/.dotnet/dotnet-install.sh"
    version="$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' "$root/global.json")"
    mkdir -p "$root/.dotnet"
    for attempt in 1 2 3; do
        say "fetching the .NET SDK $version into $root/.dotnet (attempt $attempt of 3)"
        if fetch https://dot.net/v1/dotnet-install.sh "$script" &&
            bash "$script" --version "$version" --install-dir "$root/.dotnet" --no-path; then
            has_sdk || fail 1 "the SDK in $root/.dotnet does not run: $(cd "$root" && dotnet --version 2>&1 | head -n 4)"
            return
        fi
        [ "$attempt" = 3 ] || sleep $((5 * attempt))
    done
    fail 1 "found no .NET SDK $version and could not fetch it from https://dot.net. Offline? Install it (https://dot.net/download) or unpack it into $root/.dotnet."
}

fetch() {
    if command -v curl > /dev/null; then curl -fsSL -o "$2" "$1"; else wget -qO "$2" "$1"; fi
}

# dotnet takes global.json from the folder it runs in, hence the subshell; what is built runs in the caller's folder.
msbuild() { (cd "$root" && dotnet msbuild -restore -p:Configuration=Release -v:q -nologo -tl:off "$@"); }

build() {
    say "building $1"
    msbuild "$1"
}

run() {
    local program="$root/$1/bin/Release/net10.0/${1##*/}.dll"
    dotnet "$program" "${@:2}"
}

run_tests() {
    local filter="" category="" code=0 slow=false
    while [ $# -gt 0 ]; do
        case "$1" in
            --filter) [ $# -gt 1 ] || refuse "--filter needs a part of a test's full name."
                filter="FullyQualifiedName~$(printf %s "$2" | sed 's/[\\()&|=!~]/\\&/g')"; shift 2 ;;
            --category) [ $# -gt 1 ] || refuse "--category needs the name of a test category."
                category="$(printf %s "$2" | sed 's/[\\()&|=!~]/\\&/g')"; shift 2 ;;
            --slow) slow=true; shift ;;
            *) no_more "$@" ;;
        esac
    done
    [ -z "$category" ] || filter="${filter:+$filter&}TestCategory=$category"
    $slow || filter="${filter:+$filter&}TestCategory!=Slow"

    find_sdk
    build test/Microsoft.ML.PTuning.Tests
    log="$(mktemp)"
    trap 'rm -f "$log"' EXIT
    DOTNET_CLI_UI_LANGUAGE=en run test/Microsoft.ML.PTuning.Tests --no-ansi ${filter:+--filter "$filter"} | tee "$log" || code=$?

    local passed failed skipped
    passed="$(count succeeded)" failed="$(count failed)" skipped="$(count skipped)"
    if [ -z "$passed" ]; then
        say "the test program broke off without a summary (exit code $code)."
        passed=0 failed=1 skipped=0
        [ "$code" -ne 0 ] || code=1
    fi
    [ "$code" -ne 8 ] || say "no test matches."
    echo "$passed passed, $failed failed, $skipped skipped"
    return "$code"
}

# A number of the summary that ends the test program's output.
count() { sed -n "s/^  $1: \([0-9][0-9]*\)$/\1/p" "$log" | tail -n 1; }

pack() {
    local project
    for project in Microsoft.ML.PTuning Microsoft.ML.PTuning.Serving Microsoft.ML.PTuning.AspNetCore Microsoft.ML.PTuning.Orleans Microsoft.ML.PTuning.Plots Microsoft.ML.PTuning.Backbone.MiniLM Microsoft.ML.PTuning.Backbone.Mini; do
        say "packing $project"
        msbuild "src/$project" -t:Pack -p:PackageOutputPath="$root/artifacts"
    done
    say "packing Microsoft.ML.PTuning.Tool"
    msbuild src/Microsoft.ML.PTuning.Tool -t:Pack -p:PackageOutputPath="$root/artifacts" -p:PublishReadyToRun=true
    ls -l "$root/artifacts"
}

resolve_folders
command="${1:-build}"
[ $# -eq 0 ] || shift
case "$command" in
    build) no_more "$@"; find_sdk; build Microsoft.ML.PTuning.sln ;;
    example)
        if [ "${1:-}" = -- ]; then shift; else no_more "$@"; fi
        find_sdk; build examples/TicketRouting; run examples/TicketRouting "$@" ;;
    test) run_tests "$@" ;;
    bench) find_sdk; build test/Microsoft.ML.PTuning.Benchmarks; run test/Microsoft.ML.PTuning.Benchmarks "$@" ;;
    pack) no_more "$@"; find_sdk; pack ;;
    -h | --help) usage ;;
    *) refuse "unknown command '$command'." ;;
esac
