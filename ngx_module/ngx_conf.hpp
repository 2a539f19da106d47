// What the setters of directives share: arguments, and how one is refused.
#pragma once

#include "ngx_module/ngx_messaging.hpp"

namespace messaging {

char* const kFailed = static_cast<char*>(NGX_CONF_ERROR);

constexpr char kOneKind[] =
    "stands beside the other kind of sign-in: messaging_identity goes with neither "
    "messaging_jwt nor messaging_nextauth";

const ngx_str_t* arguments(const ngx_conf_t* cf);

// Logs why, with the directive's name; kFailed.
char* refuse(ngx_conf_t* cf, const std::string& why);

// NAME=VALUE; false if `argument` is of another name.
bool option(const ngx_str_t& argument, std::string_view name, std::string_view* value);

std::string quoted(std::string_view text);

// Relative names are relative to nginx.conf, as with ssl_certificate. Logs what is
// wrong.
bool readFile(ngx_conf_t* cf, std::string_view name, std::string* content);

}  // namespace messaging
