# Short commands for the build, which CMakeLists.txt describes.  `make help` lists them.
# Every kind of build has a folder of its own: build/bin/, build/double/bin/, build/asan/bin/, build/sim/bin/ ...
# Variables: CXX=clang++ (compiler, at the first build of a folder), WERROR=ON, JOBS=4, OPTIONS="-DMEDUSA_ISAS=avx2" (for CMake).

JOBS ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)
WERROR ?= OFF
OPTIONS ?=
PREFIX ?= /usr/local
MAKEFLAGS += --no-print-directory

# $(call build,FOLDER,TARGET,OPTIONS): configures FOLDER (with ninja if it is installed) and builds TARGET in it.
define build
@mkdir -p $(1)
@[ -e $(1)/CMakeCache.txt ] || ! command -v ninja >/dev/null || generator="-G Ninja"; \
  cmake -S . -B $(1) $$generator -DMEDUSA_WERROR=$(WERROR) $(3) $(OPTIONS) >$(1)/configure.log 2>&1 || { cat $(1)/configure.log; exit 1; }
@env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL cmake --build $(1) --target $(2) -j $(JOBS)
endef

.PHONY: build help deps install deb demo test double asan double-asan tsan sim sim-double sim-asan sim-double-asan sim-check cuda long bench peer \
  lint format ci clean

build: deps         ## the library and the tools, into build/bin/ (what `make` alone does)
	$(call build,build,programs)

deps:               ## install the Debian packages that are missing (with sudo); prints nothing if all are there
	@tools/deps.sh build

install: build      ## library, headers and programs into PREFIX (default /usr/local): README.md, "Use it from your program"
	@cmake --install build --prefix $(PREFIX) >build/install.log && echo "installed into $(PREFIX)"

deb: build          ## the same as a Debian package, build/medusa-mtl_*.deb
	@tools/deps.sh package
	@cd build && cpack -G DEB >cpack.log && ls medusa-mtl_*.deb

demo: build         ## compare four architectures on phantoms, show what they learned and where they look: 6 to 9 minutes
	@tools/demo.sh

test: deps          ## build and run every test
	@tools/deps.sh package
	$(call build,build,all)
	@tests/run.sh build

double: deps        ## the tests with the library's numbers as double: gradients agree to 1e-6 and better
	@tools/deps.sh package
	$(call build,build/double,all,-DMEDUSA_REAL=double)
	@tests/run.sh build/double

asan: deps          ## the tests under the address and undefined-behaviour sanitizers
	$(call build,build/asan,all,-DMEDUSA_SANITIZE=address$(comma)undefined -DMEDUSA_ISAS=avx2)
	@tests/run.sh build/asan

double-asan: deps   ## both at once, as `make ci` does: numbers as double, under the address sanitizer
	$(call build,build/double-asan,all,-DMEDUSA_REAL=double -DMEDUSA_SANITIZE=address$(comma)undefined -DMEDUSA_ISAS=avx2)
	@tests/run.sh build/double-asan

tsan: deps          ## the tests of threaded code under the thread sanitizer
	$(call build,build/tsan,tests programs,-DMEDUSA_SANITIZE=thread -DMEDUSA_ISAS=avx2)
	@tests/run.sh build/tsan

sim: deps           ## the CUDA backend on the simulated device: every op and a training step, in several orders
	$(call build,build/sim,$(device_targets) programs,-DMEDUSA_CUDA=SIM -DMEDUSA_ISAS=)
	@tests/device.sh build/sim

sim-double: deps    ## the same with numbers as double: the two devices agree to 1e-12
	$(call build,build/sim-double,$(device_targets),-DMEDUSA_CUDA=SIM -DMEDUSA_ISAS= -DMEDUSA_REAL=double)
	@tests/device.sh build/sim-double

sim-asan: deps      ## the same under the address and undefined-behaviour sanitizers
	$(call build,build/sim-asan,$(device_targets),-DMEDUSA_CUDA=SIM -DMEDUSA_ISAS= -DMEDUSA_SANITIZE=address$(comma)undefined)
	@tests/device.sh build/sim-asan

sim-double-asan: deps  ## both at once, as `make ci` does
	$(call build,build/sim-double-asan,$(device_targets),-DMEDUSA_CUDA=SIM -DMEDUSA_ISAS= -DMEDUSA_REAL=double \
	  -DMEDUSA_SANITIZE=address$(comma)undefined)
	@tests/device.sh build/sim-double-asan

sim-check: deps     ## the same under the checker for races, uninitialised shared memory and foreign addresses
	$(call build,build/sim-check,$(device_targets),-DMEDUSA_CUDA=SIM -DMEDUSA_ISAS= -DMEDUSA_SIM_CHECK=ON)
	@tests/device.sh build/sim-check

cuda: deps          ## the programs for NVIDIA GPUs, into build/cuda/bin/ (needs the CUDA toolkit); tests if there is a GPU
	$(call build,build/cuda,programs device_tests,-DMEDUSA_CUDA=ON)
	@tests/device.sh build/cuda
	@tests/divisions.sh >build/cuda/divisions.log || { grep FAILED build/cuda/divisions.log; exit 1; }

long: build         ## what takes hours: many kills, networks drawn at random, fuzzing, mutants of the kernels; `make ci` takes a sample
	@tests/long.sh

bench: build        ## training, predicting and loading in figures, beside the machine's limits (and PyTorch: tools/README.md)
	@build/bin/bench

peer: deps          ## every 3x3 convolution against oneDNN (installs libdnnl-dev): ARGUMENTS="--threads 2 --only 8x64x64"
	@tools/deps.sh peer
	$(call build,build/peer,peer_onednn,-DMEDUSA_PEER=ON)
	@build/peer/bin/peer_onednn $(ARGUMENTS)

lint: build         ## formatting, include rules, the documentation's links and promises, the kernels' symbols
	@tools/deps.sh lint
	@tests/lint.sh

format:             ## rewrite every source file in the project's format
	@tools/deps.sh lint
	@git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format -i

ci:                 ## everything that a change must pass
	@.ci/run

clean:              ## remove the build folders
	@rm -rf build

help:               ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1 /p' $(MAKEFILE_LIST) | while read -r name what; do printf 'make %-15s %s\n' "$$name" "$$what"; done

comma := ,
device_targets := device_tests sim_bugs
