// Setters of the directives that are more than one value, but for the keys of sign-in
// (ngx_conf_token.cpp). What is wrong is refused here, with the file and line that
// nginx adds, and never at run time.
#include "ngx_module/ngx_conf.hpp"

#include <algorithm>
#include <cstdio>

#include "schema/text.hpp"

namespace messaging {

// A key or a password, never more: a larger file is another file.
constexpr size_t kMaxFile = 64 * 1024;

const ngx_str_t* arguments(const ngx_conf_t* cf) {
    return static_cast<const ngx_str_t*>(cf->args->elts);
}

char* refuse(ngx_conf_t* cf, const std::string& why) {
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V: %s", &arguments(cf)[0], why.c_str());
    return kFailed;
}

bool option(const ngx_str_t& argument, std::string_view name, std::string_view* value) {
    const std::string_view text = view(argument);
    if (text.size() <= name.size() || text.substr(0, name.size()) != name ||
        text[name.size()] != '=') {
        return false;
    }
    *value = text.substr(name.size() + 1);
    return true;
}

std::string quoted(std::string_view text) {
    return '"' + std::string(text) + '"';
}

bool readFile(ngx_conf_t* cf, std::string_view name, std::string* content) {
    ngx_str_t path = copyToPool(cf->pool, name);
    if (path.data == nullptr || ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return false;
    }
    const auto close = [](FILE* file) { fclose(file); };
    std::unique_ptr<FILE, decltype(close)> file(
        fopen(reinterpret_cast<char*>(path.data), "rbe"), close);
    content->resize(kMaxFile + 1);
    size_t length = 0;
    if (file != nullptr) {
        length = fread(content->data(), 1, content->size(), file.get());
    }
    if (file == nullptr || ferror(file.get())) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "cannot read \"%V\"", &path);
        return false;
    }
    if (length > kMaxFile) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is longer than %uz bytes",
                           &path, kMaxFile);
        return false;
    }
    content->resize(length);
    return true;
}

namespace {

// --- messaging

// The API's paths follow the location's name, so it must be one.
const char* unfitLocation(const ngx_http_core_loc_conf_t* location) {
    if (location->named) {
        return "not in a named location: its requests have no path of its own";
    }
#if (NGX_PCRE)
    if (location->regex != nullptr) {
        return "not in a location of a regular expression: the API's paths follow a "
               "prefix";
    }
#endif
    if (location->exact_match) {
        return "not in an exact (\"=\") location: the API's paths follow its prefix";
    }
    return nullptr;
}

// --- messaging_redis

// A host's name is resolved here and now: nginx's processes never wait for a resolver.
char* parseAddress(ngx_conf_t* cf, std::string_view address, RedisConf* redis) {
    ngx_url_t url = {};
    url.url = copyToPool(cf->pool, address);
    url.default_port = 6379;
    if (url.url.data == nullptr) {
        return kFailed;
    }
    if (ngx_parse_url(cf->pool, &url) != NGX_OK || url.naddrs == 0) {
        return refuse(cf, std::string(url.err != nullptr ? url.err : "no address") +
                              " in " + quoted(address));
    }
    if (url.uri.len != 0) {
        return refuse(cf, "no path or query belongs to the address " + quoted(address));
    }
    if (url.family == AF_UNIX) {
        redis->path = address.substr(sizeof("unix:") - 1);
        return NGX_CONF_OK;
    }
    u_char host[NGX_SOCKADDR_STRLEN];
    sockaddr* first = url.addrs[0].sockaddr;
    const size_t length =
        ngx_sock_ntop(first, url.addrs[0].socklen, host, sizeof(host), 0);
    redis->host.assign(reinterpret_cast<char*>(host), length);
    redis->port = ngx_inet_get_port(first);
    return NGX_CONF_OK;
}

char* parseRedisOption(ngx_conf_t* cf, const ngx_str_t& argument, RedisConf* redis) {
    std::string_view value;
    if (option(argument, "user", &value)) {
        redis->user = value;
        return value.empty() ? refuse(cf, "the user is empty") : NGX_CONF_OK;
    }
    if (option(argument, "password_file", &value)) {
        if (!readFile(cf, value, &redis->password)) {
            return kFailed;
        }
        // Its first line, as the worker takes it.
        redis->password.resize(
            std::min(redis->password.find('\n'), redis->password.size()));
        if (!redis->password.empty() && redis->password.back() == '\r') {
            redis->password.pop_back();
        }
        return redis->password.empty()
                   ? refuse(cf, "the password file's first line is empty")
                   : NGX_CONF_OK;
    }
    if (option(argument, "db", &value)) {
        const auto db = parseUnsigned(value);
        if (!db || *db > 65535) {
            return refuse(cf, "invalid db= " + quoted(value));
        }
        redis->db = static_cast<unsigned>(*db);
        return NGX_CONF_OK;
    }
    if (option(argument, "prefix", &value)) {
        redis->prefix = value;
        return validPrefix(value) ? NGX_CONF_OK
                                  : refuse(cf, "invalid prefix " + quoted(value) +
                                                   ": " + std::string(kPrefixRule));
    }
    return refuse(cf, "unknown parameter " + quoted(view(argument)));
}

// --- messaging_identity

// What a client writes itself is no identity. Behind `map` or `set` it cannot be seen
// here.
const char* clientsOwn(std::string_view variable) {
    for (const char* prefix : {"http_", "arg_", "cookie_"}) {
        if (variable.substr(0, strlen(prefix)) == prefix) {
            return prefix;
        }
    }
    for (const char* name :
         {"args", "query_string", "request", "request_uri", "request_body",
          "request_body_file", "request_filename", "request_method", "uri",
          "document_uri", "host", "content_type", "content_length", "ssl_server_name",
          "proxy_add_x_forwarded_for", "fastcgi_script_name", "fastcgi_path_info",
          "uid_got", "remote_user"}) {
        if (variable == name) {
            return name;
        }
    }
    return nullptr;
}

// $remote_user is the Authorization header's name, whether or not auth_basic stands
// here to ask for its password.
const char* instead(std::string_view variable) {
    return variable == "remote_user"
               ? "; let auth_request ask a location that checks it, and take the name "
                 "from its answer by auth_request_set"
               : "";
}

// The names in `text` that nginx would replace: $name and ${name}, in lower case.
char* checkVariables(ngx_conf_t* cf, std::string_view text) {
    bool found = false;
    for (size_t at = text.find('$'); at != text.npos; at = text.find('$', at)) {
        at++;
        if (at < text.size() && text[at] == '{') {
            at++;
        }
        std::string name;
        while (at < text.size() &&
               (isalnum(static_cast<u_char>(text[at])) != 0 || text[at] == '_')) {
            name += static_cast<char>(ngx_tolower(text[at]));
            at++;
        }
        found = true;
        if (clientsOwn(name) != nullptr) {
            return refuse(cf, "$" + name +
                                  " is what the client says, not who it is: in " +
                                  quoted(text) + instead(name));
        }
    }
    return found ? NGX_CONF_OK
                 : refuse(cf,
                          quoted(text) + " holds no variable: it is the same for all");
}

char* compileValue(ngx_conf_t* cf, std::string_view text,
                   ngx_http_complex_value_t** out) {
    if (*out != nullptr) {
        return refuse(cf, "a parameter stands twice");
    }
    if (checkVariables(cf, text) != NGX_CONF_OK) {
        return kFailed;
    }
    *out = static_cast<ngx_http_complex_value_t*>(
        ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t)));
    ngx_str_t value = copyToPool(cf->pool, text);
    if (*out == nullptr || value.data == nullptr) {
        return kFailed;
    }
    ngx_http_compile_complex_value_t compile = {};
    compile.cf = cf;
    compile.value = &value;
    compile.complex_value = *out;
    return ngx_http_compile_complex_value(&compile) == NGX_OK ? NGX_CONF_OK : kFailed;
}

char* setIdentityValues(ngx_conf_t* cf, LocConf* conf) {
    const ngx_str_t* words = arguments(cf);
    if (compileValue(cf, view(words[1]), &conf->user) != NGX_CONF_OK) {
        return kFailed;
    }
    for (ngx_uint_t i = 2; i < cf->args->nelts; i++) {
        std::string_view value;
        ngx_http_complex_value_t** out = nullptr;
        if (option(words[i], "role", &value)) {
            out = &conf->role;
        } else if (option(words[i], "name", &value)) {
            out = &conf->name;
        } else if (option(words[i], "expires", &value)) {
            out = &conf->expires;
        } else {
            return refuse(cf, "unknown parameter " + quoted(view(words[i])));
        }
        if (compileValue(cf, value, out) != NGX_CONF_OK) {
            return kFailed;
        }
    }
    return NGX_CONF_OK;
}

char* setMessagingWords(ngx_conf_t* cf, LocConf* conf) {
    const ngx_str_t* words = arguments(cf);
    conf->site = "default";
    for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
        std::string_view value;
        if (view(words[i]) == "off") {
            conf->enabled = 0;
            return cf->args->nelts == 2 ? NGX_CONF_OK
                                        : refuse(cf, "nothing goes with \"off\"");
        }
        if (!option(words[i], "site", &value)) {
            const auto* main = static_cast<MainConf*>(
                ngx_http_conf_get_module_main_conf(cf, ngx_http_messaging_module));
            if (conf->profile != nullptr) {
                return refuse(cf, "a second profile " + quoted(view(words[i])));
            }
            conf->profile = findProfile(*main, view(words[i]));
            if (conf->profile == nullptr) {
                return refuse(cf, "no messaging_profile before this line is called " +
                                      quoted(view(words[i])));
            }
            if (!conf->profile->teams.empty()) {
                if (conf->teams != nullptr) {
                    return refuse(cf,
                                  "the profile names its teams itself, "
                                  "messaging_teams none");
                }
                conf->teams = teamIds(conf->profile->teams);
            }
            continue;
        }
        if (!validSite(value)) {
            return refuse(cf, "invalid site " + quoted(value) +
                                  ": 1 to 64 of a-z, 0-9, \"_\" and \"-\"");
        }
        conf->site = value;
    }
    conf->enabled = 1;
    return NGX_CONF_OK;
}

}  // namespace

char* setMessaging(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<LocConf*>(data);
        if (conf->enabled != NGX_CONF_UNSET) {
            return const_cast<char*>("is duplicate");
        }
        if (setMessagingWords(cf, conf) != NGX_CONF_OK) {
            return kFailed;
        }
        if (!conf->enabled) {
            return NGX_CONF_OK;
        }
        auto* location = static_cast<ngx_http_core_loc_conf_t*>(
            ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
        if (const char* why = unfitLocation(location)) {
            return refuse(cf, why);
        }
        conf->prefix = view(location->name);
        if (!conf->prefix.empty() && conf->prefix.back() == '/') {
            conf->prefix.pop_back();
        }
        conf->own = true;
        conf->place = std::string(view(cf->conf_file->file.name)) + ':' +
                      std::to_string(cf->conf_file->line);
        static_cast<MainConf*>(
            ngx_http_conf_get_module_main_conf(cf, ngx_http_messaging_module))
            ->used = true;
        return NGX_CONF_OK;
    });
}

char* setRedis(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<MainConf*>(data);
        if (conf->redisSet) {
            return const_cast<char*>("is duplicate");
        }
        conf->redisSet = true;
        if (parseAddress(cf, view(arguments(cf)[1]), &conf->redis) != NGX_CONF_OK) {
            return kFailed;
        }
        for (ngx_uint_t i = 2; i < cf->args->nelts; i++) {
            if (parseRedisOption(cf, arguments(cf)[i], &conf->redis) != NGX_CONF_OK) {
                return kFailed;
            }
        }
        if (!conf->redis.user.empty() && conf->redis.password.empty()) {
            return refuse(cf, "user= needs password_file=");
        }
        return NGX_CONF_OK;
    });
}

char* setIdentity(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<LocConf*>(data);
        if (conf->user != nullptr) {
            return const_cast<char*>("is duplicate");
        }
        return conf->keys.empty() ? setIdentityValues(cf, conf) : refuse(cf, kOneKind);
    });
}

ngx_str_t copyToPool(ngx_pool_t* pool, std::string_view text) {
    ngx_str_t copy = {text.size(),
                      static_cast<u_char*>(ngx_pnalloc(pool, text.size() + 1))};
    if (copy.data != nullptr) {
        *ngx_cpymem(copy.data, text.data(), text.size()) = '\0';
    }
    return copy;
}

}  // namespace messaging
