// The only door through which nginx's headers come in; always the first include,
// because they choose the width of off_t.
#pragma once

extern "C" {
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
}

static_assert(__cplusplus >= 201703L, "C++17 is g++'s default since 11");
