#!/bin/bash
# local only: build tests and run a filter
cd /work/wt-onnx && nice ./build.sh test --filter "$@" 2>&1 | cut -c1-400
