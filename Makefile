# Builds everything into $(BUILD): build by default, build/test with CRASH_POINTS=1 (places at
# which the worker can be told to die), build/asan with SANITIZE=1 (those and sanitizers), so
# that all can stand side by side. Nothing is written anywhere else, except by `make install`.
#
# How the flags compose: CXXFLAGS and LDFLAGS are yours (make CXXFLAGS=-O0); what the code
# cannot do without stands in FLAGS, which every object gets; each layer adds only the
# libraries that it may see (CONTRIBUTING.md), so a wrong #include often fails right here.
# A source file joins by being in its folder.

CXX      ?= g++
CXXFLAGS ?= -O2 -g
BUILD    ?= build

ifdef CRASH_POINTS
BUILD    := build/test
CRASH    := -DMESSAGING_CRASH_POINTS
endif
ifdef SANITIZE
BUILD    := build/asan
CRASH    := -DMESSAGING_CRASH_POINTS
CXXFLAGS := -O1 -g -fno-omit-frame-pointer
SANITIZER := -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif

FLAGS = -std=c++17 -Wall -Wextra -Werror -Wno-unused-parameter -I. -MMD -MP $(CRASH) $(SANITIZER)

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
BENCH      = $(call objects,$(wildcard t/bench/*.cpp))

.PHONY: all always module worker web unit check lint test bench bench-load install install-web clean
all: module worker

# --- nginx with the module: nginx's own configure and make, in $(BUILD)/nginx

NGINX_SRC ?= /usr/share/nginx/src
NGINX_OBJ  = $(abspath $(BUILD))/nginx

module: $(NGINX_OBJ)/Makefile
	$(MAKE) -f $(NGINX_OBJ)/Makefile -C $(NGINX_SRC) modules

# With the flags that Debian's nginx was built with, where nginx-dev tells them: a module must
# match the nginx that loads it. No -std and no -fvisibility: nginx gives the same flags to C.
$(NGINX_OBJ)/Makefile: config $(NGINX_OBJ)/sources
	cd $(NGINX_SRC) && if [ -e conf_flags ]; then . ./conf_flags; fi && \
	./configure "$${NGX_CONF_FLAGS[@]}" --with-cc-opt='-fPIC $(CXXFLAGS) $(SANITIZER)' \
	    --with-ld-opt='$(SANITIZER) $(LDFLAGS)' --add-dynamic-module='$(CURDIR)' \
	    --builddir='$(NGINX_OBJ)' >'$(NGINX_OBJ)/configure.log' \
	    || { rm -f '$@'; tail '$(NGINX_OBJ)/configure.log'; exit 1; }
$(NGINX_OBJ)/Makefile: SHELL = /bin/bash

# The lists of sources and headers are fixed when configure runs, so a new file means another run.
$(NGINX_OBJ)/sources: always
	@mkdir -p $(@D)
	@ls schema/*.[ch]pp ngx_module/*.[ch]pp ngx_module/core/*.[ch]pp >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# --- The worker

worker: $(BUILD)/messaging-worker

$(BUILD)/messaging-worker: $(WORKER) $(BUILD)/libschema.a
	$(LINK) $(call packages,libs,$(WORKER_PKG) $(SCHEMA_PKG)) -pthread

# --- The browser client: npm's own tools, in web/node_modules, write web/dist

WEB_SOURCES = $(shell find web/src web/tools -type f -not -path 'web/src/profiles/*' 2>/dev/null) \
    $(wildcard schema/profiles/*.conf) web/package.json web/vite.config.ts $(wildcard web/tsconfig*.json)

web: build/web.built

build/web.built: build/web.installed $(WEB_SOURCES) $(if $(wildcard web/dist/messaging.js),,always)
	npm --prefix web run --silent build >build/web.log 2>&1 || { tail -n 30 build/web.log; exit 1; }
	@touch $@

build/web.installed: web/package-lock.json $(if $(wildcard web/node_modules),,always)
	npm --prefix web ci --loglevel error
	@mkdir -p $(@D)
	@touch $@

# --- The schema, for all but the module: nginx's make compiles it once more

$(BUILD)/libschema.a: $(SCHEMA)
	rm -f $@
	$(AR) rcs $@ $^

# --- Tests: check runs the pure parts alone, test the whole system

$(BUILD)/unit: $(UNIT) $(CORE) $(filter-out %/main.o,$(WORKER)) $(BUILD)/libschema.a
	$(LINK) $(call packages,libs,$(UNIT_PKG) $(CORE_PKG) $(WORKER_PKG) $(SCHEMA_PKG)) -pthread

unit: $(BUILD)/unit

check: $(BUILD)/unit
	$(BUILD)/unit

test:
	scripts/test

bench:
	scripts/bench

# Its load generator, which scripts/bench builds itself.
bench-load: $(BUILD)/bench-load

$(BUILD)/bench-load: $(BENCH) $(BUILD)/libschema.a
	$(LINK) $(call packages,libs,$(SCHEMA_PKG))

lint:
	scripts/lint

# --- Installing

# Where Debian's own packages put such things; DESTDIR goes before all of it. A configuration
# that is there already stays as it is.
install: module worker
	install -D -m 644 $(NGINX_OBJ)/ngx_http_messaging_module.so \
	    $(DESTDIR)/usr/lib/nginx/modules/ngx_http_messaging_module.so
	install -D -m 644 scripts/mod-http-messaging.conf \
	    $(DESTDIR)/usr/share/nginx/modules-available/mod-http-messaging.conf
	install -d $(DESTDIR)/etc/nginx/modules-enabled
	ln -sf /usr/share/nginx/modules-available/mod-http-messaging.conf \
	    $(DESTDIR)/etc/nginx/modules-enabled/50-mod-http-messaging.conf
	install -D -m 755 $(BUILD)/messaging-worker $(DESTDIR)/usr/bin/messaging-worker
	install -D -m 644 scripts/messaging-worker.service \
	    $(DESTDIR)/lib/systemd/system/messaging-worker.service
	install -D -m 644 -t $(DESTDIR)/usr/share/nginx-messaging/import schema/import/*.json
	install -D -m 644 -t $(DESTDIR)/usr/share/nginx-messaging/seed schema/seed/*.json
	[ -e $(DESTDIR)/etc/messaging/worker.conf ] || \
	    install -D -m 640 scripts/messaging-worker.conf $(DESTDIR)/etc/messaging/worker.conf
	install -D -m 644 -t $(DESTDIR)/usr/share/nginx-messaging/profiles schema/profiles/*
	install -D -m 644 -t $(DESTDIR)/usr/share/doc/nginx-messaging README.md LICENSE

# Of its own, so that a server needs no npm: what nginx serves to pages (README, web/README.md).
install-web: web
	install -D -m 644 -t $(DESTDIR)/usr/share/nginx-messaging/web \
	    web/dist/messaging.js web/dist/messaging-worker.js web/dist/LICENSE-lit
	install -D -m 644 -t $(DESTDIR)/usr/share/nginx-messaging/web/locales web/dist/locales/*
	install -D -m 644 -t $(DESTDIR)/usr/share/nginx-messaging/web/profiles web/dist/profiles/*

clean:
	rm -rf $(BUILD)

# --- How objects are made

LINK = $(CXX) $(SANITIZER) $(LDFLAGS) -o $@ $^

$(BUILD)/obj/schema/%: PACKAGES = $(SCHEMA_PKG)
$(BUILD)/obj/ngx_module/%: PACKAGES = $(CORE_PKG)
$(BUILD)/obj/worker/%: PACKAGES = $(WORKER_PKG)
$(BUILD)/obj/t/bench/%: PACKAGES = $(SCHEMA_PKG)
$(BUILD)/obj/t/%: PACKAGES = $(UNIT_PKG) $(CORE_PKG) $(WORKER_PKG)

$(BUILD)/obj/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) $(FLAGS) $(CXXFLAGS) $(call packages,cflags,$(PACKAGES)) -c -o $@ $<

# The languages of refusals: a file problem_TAG.cpp joins by being there.
$(BUILD)/obj/messaging_languages.inc: always
	@mkdir -p $(@D)
	@scripts/languages >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/obj/schema/language.o: $(BUILD)/obj/messaging_languages.inc
$(BUILD)/obj/schema/language.o: FLAGS += -I$(BUILD)/obj

# What a store embeds of schema/, as a C++ raw string.
$(BUILD)/obj/schema/%.inc: schema/% Makefile
	@mkdir -p $(@D)
	{ printf 'R"schema('; cat $<; printf ')schema"'; } > $@

$(BUILD)/obj/worker/store_sqlite_db.o: $(patsubst %,$(BUILD)/obj/%.inc,$(wildcard schema/*.sql))
$(BUILD)/obj/worker/store_mongo_client.o: $(BUILD)/obj/schema/mongodb.json.inc
$(BUILD)/obj/worker/store_%.o: FLAGS += -I$(BUILD)/obj

-include $(patsubst %.o,%.d,$(SCHEMA) $(CORE) $(WORKER) $(UNIT) $(BENCH))
