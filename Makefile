# Builds everything into $(BUILD): build by default, build/asan with SANITIZE=1, so that both
# can stand side by side. Nothing is written anywhere else, except by `make install`.
#
# How the flags compose: CXXFLAGS and LDFLAGS are yours (make CXXFLAGS=-O0); what the code
# cannot do without stands in FLAGS, which every object gets; each layer adds only the
# libraries that it may see (CONTRIBUTING.md), so a wrong #include often fails right here.
# A source file joins by being in its folder.

CXX      ?= g++
CXXFLAGS ?= -O2 -g
BUILD    ?= build
PREFIX   ?= /usr/local

ifdef SANITIZE
BUILD    := build/asan
CXXFLAGS := -O1 -g -fno-omit-frame-pointer
SANITIZER := -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif

# The schema goes into nginx's module too, which is a shared object: hence -fPIC.
FLAGS = -std=c++17 -Wall -Wextra -Werror -Wno-unused-parameter -fPIC -I. -MMD -MP $(SANITIZER)

packages   = $(shell pkg-config --$(1) $(2))
SCHEMA_PKG = yajl libcrypto
CORE_PKG   = cjose jansson libcrypto
WORKER_PKG = hiredis sqlite3 libmongoc-1.0 spdlog
UNIT_PKG   = check

objects    = $(patsubst %.cpp,$(BUILD)/obj/%.o,$(1))
SCHEMA     = $(call objects,$(wildcard schema/*.cpp))
CORE       = $(call objects,$(wildcard ngx_module/core/*.cpp))
WORKER     = $(call objects,$(wildcard worker/*.cpp))
UNIT       = $(call objects,$(wildcard t/unit/*.cpp))

.PHONY: all module worker check lint test bench install clean
all: module worker

# --- nginx with the module: nginx's own configure and make, in $(BUILD)/nginx

module: $(BUILD)/libschema.a

# --- The worker

worker: $(BUILD)/messaging-worker

$(BUILD)/messaging-worker: $(WORKER) $(BUILD)/libschema.a
	$(LINK) $(call packages,libs,$(WORKER_PKG) $(SCHEMA_PKG)) -pthread

# --- What both link

$(BUILD)/libschema.a: $(SCHEMA)
	rm -f $@
	$(AR) rcs $@ $^

# --- Tests: check runs the pure parts alone, test the whole system

$(BUILD)/unit: $(UNIT) $(CORE) $(filter-out %/main.o,$(WORKER)) $(BUILD)/libschema.a
	$(LINK) $(call packages,libs,$(UNIT_PKG) $(CORE_PKG) $(WORKER_PKG) $(SCHEMA_PKG)) -pthread

check: $(BUILD)/unit
	$(BUILD)/unit

test: module worker $(BUILD)/unit
	BUILD=$(BUILD) scripts/test

bench: module worker
	BUILD=$(BUILD) scripts/bench

lint:
	scripts/lint

# --- Installing

install: worker
	install -D -m 755 $(BUILD)/messaging-worker $(DESTDIR)$(PREFIX)/bin/messaging-worker

clean:
	rm -rf $(BUILD)

# --- How objects are made

LINK = $(CXX) $(SANITIZER) $(LDFLAGS) -o $@ $^

$(BUILD)/obj/schema/%: PACKAGES = $(SCHEMA_PKG)
$(BUILD)/obj/ngx_module/%: PACKAGES = $(CORE_PKG)
$(BUILD)/obj/worker/%: PACKAGES = $(WORKER_PKG)
$(BUILD)/obj/t/%: PACKAGES = $(UNIT_PKG) $(CORE_PKG) $(WORKER_PKG)

$(BUILD)/obj/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $(call packages,cflags,$(PACKAGES)) -c -o $@ $<

-include $(patsubst %.o,%.d,$(SCHEMA) $(CORE) $(WORKER) $(UNIT))
