// The module as nginx sees it: directives, configuration's life and inheritance,
// variables, and the hooks of a process. What the directives mean stands in
// ngx_conf.cpp.
//
// Loaded but not used by any location, it does nothing: no process state, no timer, no
// socket.
#include "ngx_module/ngx_messaging.hpp"

#include <cstddef>

#include "schema/limits.hpp"

namespace messaging {
namespace {

// --- Bounds of values that nginx's own setters read

struct Bounds {
    ngx_conf_post_handler_pt handler;  // first: nginx sees an ngx_conf_post_t
    ngx_uint_t low;
    ngx_uint_t high;
    const char* unit;
};

// Times, sizes and numbers are all of a machine word, and so one function checks them.
static_assert(sizeof(ngx_msec_t) == sizeof(ngx_uint_t), "one word");
static_assert(sizeof(size_t) == sizeof(ngx_uint_t), "one word");

char* checkBounds(ngx_conf_t* cf, void* post, void* data) {
    const auto* bounds = static_cast<const Bounds*>(post);
    const ngx_uint_t value = *static_cast<const ngx_uint_t*>(data);
    if (value >= bounds->low && value <= bounds->high) {
        return NGX_CONF_OK;
    }
    const auto* words = static_cast<const ngx_str_t*>(cf->args->elts);
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" must be from %ui to %ui%s",
                       &words[0], bounds->low, bounds->high, bounds->unit);
    return static_cast<char*>(NGX_CONF_ERROR);
}

// Reads are dropped by workers after kReadSeconds: a longer wait would wait for
// nothing.
Bounds timeoutBounds = {checkBounds, 100, limits::kReadSeconds * 1000, " ms"};
Bounds heartbeatBounds = {checkBounds, 1000, 600 * 1000, " ms"};
Bounds retryBounds = {checkBounds, 100, 60 * 1000, " ms"};
Bounds ageBounds = {checkBounds, 1000, 24 * 3600 * 1000, " ms"};
Bounds drainBounds = {checkBounds, 0, 600 * 1000, " ms"};
Bounds bufferBounds = {checkBounds, 4096, 64 * 1024 * 1024, " bytes"};
Bounds bodyBounds = {checkBounds, 1, limits::kMaxBody, " bytes"};
Bounds contentBounds = {checkBounds, 1, limits::kMaxContent, " characters"};
Bounds pendingBounds = {checkBounds, 1, 1000000, ""};
Bounds streamsBounds = {checkBounds, 0, 1000000, ""};
Bounds perUserBounds = {checkBounds, 1, 1000000, ""};

// --- Directives

constexpr ngx_uint_t kAnywhere =
    NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

ngx_command_t commands[] = {
    // Not in `if` and not in `limit_except`: what a request means does not change
    // half-way.
    {ngx_string("messaging"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS | NGX_CONF_TAKE12,
     setMessaging, NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_redis"), NGX_HTTP_MAIN_CONF | NGX_CONF_1MORE, setRedis,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_profile"),
     NGX_HTTP_MAIN_CONF | NGX_CONF_BLOCK | NGX_CONF_TAKE1, setProfile,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_refusal"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1, setRefusal,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_jwt"), kAnywhere | NGX_CONF_1MORE, setJwt,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_nextauth"), kAnywhere | NGX_CONF_1MORE, setNextauth,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_identity"), kAnywhere | NGX_CONF_1MORE, setIdentity,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},

    {ngx_string("messaging_drain_time"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_msec_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(MainConfBase, drainTime), &drainBounds},
    {ngx_string("messaging_max_pending"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_num_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(MainConfBase, maxPending), &pendingBounds},
    {ngx_string("messaging_max_streams"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
     ngx_conf_set_num_slot, NGX_HTTP_MAIN_CONF_OFFSET,
     offsetof(MainConfBase, maxStreams), &streamsBounds},

    {ngx_string("messaging_timeout"), kAnywhere | NGX_CONF_TAKE1,
     ngx_conf_set_msec_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConfBase, timeout),
     &timeoutBounds},
    {ngx_string("messaging_heartbeat"), kAnywhere | NGX_CONF_TAKE1,
     ngx_conf_set_msec_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConfBase, heartbeat),
     &heartbeatBounds},
    {ngx_string("messaging_retry"), kAnywhere | NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConfBase, retry), &retryBounds},
    {ngx_string("messaging_stream_max_age"), kAnywhere | NGX_CONF_TAKE1,
     ngx_conf_set_msec_slot, NGX_HTTP_LOC_CONF_OFFSET,
     offsetof(LocConfBase, streamMaxAge), &ageBounds},
    {ngx_string("messaging_stream_buffer"), kAnywhere | NGX_CONF_TAKE1,
     ngx_conf_set_size_slot, NGX_HTTP_LOC_CONF_OFFSET,
     offsetof(LocConfBase, streamBuffer), &bufferBounds},
    {ngx_string("messaging_presence"), kAnywhere | NGX_CONF_FLAG,
     ngx_conf_set_flag_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConfBase, presence),
     nullptr},
    {ngx_string("messaging_streams_per_user"), kAnywhere | NGX_CONF_TAKE1,
     ngx_conf_set_num_slot, NGX_HTTP_LOC_CONF_OFFSET,
     offsetof(LocConfBase, streamsPerUser), &perUserBounds},
    {ngx_string("messaging_max_body"), kAnywhere | NGX_CONF_TAKE1,
     ngx_conf_set_size_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConfBase, maxBody),
     &bodyBounds},
    {ngx_string("messaging_max_content"), kAnywhere | NGX_CONF_TAKE1,
     ngx_conf_set_num_slot, NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocConfBase, maxContent),
     &contentBounds},

    {ngx_string("messaging_language"), kAnywhere | NGX_CONF_TAKE1, setLanguage,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_rate"), kAnywhere | NGX_CONF_1MORE, setRate,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_origins"), kAnywhere | NGX_CONF_1MORE, setOrigins,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("messaging_teams"), kAnywhere | NGX_CONF_1MORE, setTeams,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},

    ngx_null_command,
};

// --- Configuration's life

void* createMainConf(ngx_conf_t* cf) {
    auto* conf = makeInPool<MainConf>(cf->pool);
    if (conf != nullptr) {
        conf->drainTime = NGX_CONF_UNSET_MSEC;
        conf->maxPending = NGX_CONF_UNSET_UINT;
        conf->maxStreams = NGX_CONF_UNSET_UINT;
    }
    return conf;
}

char* initMainConf(ngx_conf_t* cf, void* data) {
    auto* conf = static_cast<MainConf*>(data);
    ngx_conf_init_msec_value(conf->drainTime, 10 * 1000);
    ngx_conf_init_uint_value(conf->maxPending, 4096);
    ngx_conf_init_uint_value(conf->maxStreams, 0);
    return NGX_CONF_OK;
}

void* createLocConf(ngx_conf_t* cf) {
    auto* conf = makeInPool<LocConf>(cf->pool);
    if (conf != nullptr) {
        conf->enabled = NGX_CONF_UNSET;
        conf->timeout = NGX_CONF_UNSET_MSEC;
        conf->heartbeat = NGX_CONF_UNSET_MSEC;
        conf->retry = NGX_CONF_UNSET_MSEC;
        conf->streamMaxAge = NGX_CONF_UNSET_MSEC;
        conf->streamBuffer = NGX_CONF_UNSET_SIZE;
        conf->streamsPerUser = NGX_CONF_UNSET_UINT;
        conf->presence = NGX_CONF_UNSET;
        conf->maxBody = NGX_CONF_UNSET_SIZE;
        conf->maxContent = NGX_CONF_UNSET_UINT;
        conf->negotiated = NGX_CONF_UNSET;
        conf->language = &kLanguages[0];
        setDefaultRates(*conf);
    }
    return conf;
}

void mergeValues(LocConf& own, const LocConf& outer) {
    ngx_conf_merge_msec_value(own.timeout, outer.timeout, 5 * 1000);
    ngx_conf_merge_msec_value(own.heartbeat, outer.heartbeat, 25 * 1000);
    ngx_conf_merge_msec_value(own.retry, outer.retry, 2 * 1000);
    ngx_conf_merge_msec_value(own.streamMaxAge, outer.streamMaxAge, 3600 * 1000);
    ngx_conf_merge_size_value(own.streamBuffer, outer.streamBuffer, 256 * 1024);
    ngx_conf_merge_uint_value(own.streamsPerUser, outer.streamsPerUser, 16);
    ngx_conf_merge_value(own.presence, outer.presence, 1);
    ngx_conf_merge_size_value(own.maxBody, outer.maxBody, limits::kMaxBody);
    ngx_conf_merge_uint_value(own.maxContent, outer.maxContent, limits::kMaxContent);
}

void mergeEdge(LocConf& own, const LocConf& outer) {
    if (own.negotiated == NGX_CONF_UNSET) {
        own.negotiated = outer.negotiated;
        own.language = outer.language;
    }
    ngx_conf_init_value(own.negotiated, 1);
    if (own.origins == nullptr) {
        own.origins = outer.origins;
    }
    if (!own.ratesSet) {
        own.sends = outer.sends;
        own.starts = outer.starts;
        own.typings = outer.typings;
    }
}

void mergeTeams(LocConf& own, const LocConf& outer) {
    if (own.teams == nullptr) {
        own.teams = outer.teams;
    }
    if (own.teams == nullptr) {
        own.teams = std::make_shared<const std::vector<std::string>>();
    }
}

void mergeSignIn(LocConf& own, const LocConf& outer) {
    if (own.keys.empty() && own.user == nullptr) {
        own.keys = outer.keys;
        own.user = outer.user;
        own.role = outer.role;
        own.name = outer.name;
        own.expires = outer.expires;
    }
}

// Half a configuration does not start. The place is named, because nginx, which merges
// at the end of the http block, would name that line.
char* checkComplete(ngx_conf_t* cf, const LocConf& conf) {
    const auto* main = static_cast<MainConf*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_messaging_module));
    const char* missing = nullptr;
    if (!main->redisSet) {
        missing = "\"messaging_redis\" in http{}: where Redis is";
    } else if (conf.keys.empty() && conf.user == nullptr) {
        missing =
            "\"messaging_jwt\", \"messaging_nextauth\" or \"messaging_identity\": who "
            "its users are";
    }
    if (missing == nullptr) {
        return NGX_CONF_OK;
    }
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"messaging\" in %s needs %s",
                  conf.place.c_str(), missing);
    return static_cast<char*>(NGX_CONF_ERROR);
}

// Nested locations, `if` and `limit_except` inherit the whole, as far as no other
// handler stands there.
char* mergeHandler(ngx_conf_t* cf, LocConf& own, const LocConf& outer) {
    if (own.enabled == NGX_CONF_UNSET && outer.enabled != NGX_CONF_UNSET) {
        own.enabled = outer.enabled;
        own.site = outer.site;
        own.prefix = outer.prefix;
        own.profile = outer.profile;
        own.place = outer.place;
    }
    ngx_conf_init_value(own.enabled, 0);
    if (!own.enabled) {
        return NGX_CONF_OK;
    }
    auto* core = static_cast<ngx_http_core_loc_conf_t*>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    if (core->handler == nullptr) {
        core->handler = handleRequest;
    } else if (own.own && core->handler != handleRequest) {
        ngx_log_error(
            NGX_LOG_EMERG, cf->log, 0,
            "\"messaging\" in %s: another directive answers this location too",
            own.place.c_str());
        return static_cast<char*>(NGX_CONF_ERROR);
    }
    // A body stays in memory: no message text in temporary files, no wait for a disk.
    // Except one that tells no length and is longer than this with its chunks' heads:
    // nginx keeps that in a file without a name.
    core->client_body_buffer_size = ngx_max(core->client_body_buffer_size, own.maxBody);
    return checkComplete(cf, own);
}

char* mergeLocConf(ngx_conf_t* cf, void* parent, void* child) {
    auto& own = *static_cast<LocConf*>(child);
    const auto& outer = *static_cast<LocConf*>(parent);
    return guard(cf->log, static_cast<char*>(NGX_CONF_ERROR), [&] {
        mergeValues(own, outer);
        mergeSignIn(own, outer);
        mergeEdge(own, outer);
        mergeTeams(own, outer);
        return mergeHandler(cf, own, outer);
    });
}

// --- Variables

ngx_int_t setVariable(ngx_http_variable_value_t* value, std::string_view text) {
    value->valid = 1;
    value->no_cacheable = 1;
    value->not_found = 0;
    value->len = static_cast<unsigned>(text.size());
    value->data = ngxString(text).data;
    return NGX_OK;
}

ngx_int_t timeVariable(ngx_http_request_t* r, ngx_http_variable_value_t* value,
                       const RequestContext& context) {
    auto* text = static_cast<u_char*>(ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4));
    if (text == nullptr) {
        return NGX_ERROR;
    }
    const ngx_msec_t end = context.answered != 0 ? context.answered : ngx_current_msec;
    const auto taken = static_cast<ngx_msec_int_t>(end - context.started);
    const ngx_msec_int_t time = ngx_max(taken, 0);
    u_char* last = ngx_sprintf(text, "%T.%03M", static_cast<time_t>(time / 1000),
                               static_cast<ngx_msec_t>(time % 1000));
    return setVariable(
        value, {reinterpret_cast<char*>(text), static_cast<size_t>(last - text)});
}

enum Variable : uintptr_t { User, Session, Site, OperationName, CodeName, Time };

ngx_int_t getVariable(ngx_http_request_t* r, ngx_http_variable_value_t* value,
                      uintptr_t which) {
    const RequestContext* context = existingContext(r);
    if (context != nullptr) {
        switch (which) {
            case User:
                if (context->user.len != 0) {
                    return setVariable(value, view(context->user));
                }
                break;
            case Session:
                if (context->session.len != 0) {
                    return setVariable(value, view(context->session));
                }
                break;
            case Site:
                return setVariable(value, view(context->site));
            case OperationName:
                if (context->routed) {
                    return setVariable(value, operationName(context->operation));
                }
                break;
            case CodeName:
                if (context->code != nullptr) {
                    return setVariable(value, context->code);
                }
                break;
            default:
                return timeVariable(r, value, *context);
        }
    }
    value->not_found = 1;
    return NGX_OK;
}

ngx_http_variable_t variables[] = {
    {ngx_string("messaging_user"), nullptr, getVariable, User, NGX_HTTP_VAR_NOCACHEABLE,
     0},
    {ngx_string("messaging_session"), nullptr, getVariable, Session,
     NGX_HTTP_VAR_NOCACHEABLE, 0},
    {ngx_string("messaging_site"), nullptr, getVariable, Site, NGX_HTTP_VAR_NOCACHEABLE,
     0},
    {ngx_string("messaging_operation"), nullptr, getVariable, OperationName,
     NGX_HTTP_VAR_NOCACHEABLE, 0},
    {ngx_string("messaging_code"), nullptr, getVariable, CodeName,
     NGX_HTTP_VAR_NOCACHEABLE, 0},
    {ngx_string("messaging_time"), nullptr, getVariable, Time, NGX_HTTP_VAR_NOCACHEABLE,
     0},
};

ngx_int_t addVariables(ngx_conf_t* cf) {
    for (const ngx_http_variable_t& known : variables) {
        ngx_str_t name = known.name;
        ngx_http_variable_t* variable = ngx_http_add_variable(cf, &name, known.flags);
        if (variable == nullptr) {
            return NGX_ERROR;
        }
        variable->get_handler = known.get_handler;
        variable->data = known.data;
    }
    return NGX_OK;
}

ngx_int_t addHandler(ngx_conf_t* cf, ngx_http_phases phase, ngx_http_handler_pt add) {
    auto* core = static_cast<ngx_http_core_main_conf_t*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    auto* handler = static_cast<ngx_http_handler_pt*>(
        ngx_array_push(&core->phases[phase].handlers));
    if (handler == nullptr) {
        return NGX_ERROR;
    }
    *handler = add;
    return NGX_OK;
}

ngx_int_t addPhases(ngx_conf_t* cf) {
    const auto* main = static_cast<MainConf*>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_messaging_module));
    if (!main->profiles.empty() &&
        addHandler(cf, NGX_HTTP_REWRITE_PHASE, handleRefusal) != NGX_OK) {
        return NGX_ERROR;
    }
    return main->used ? addHandler(cf, NGX_HTTP_PREACCESS_PHASE, handleOrigin) : NGX_OK;
}

ngx_http_module_t moduleContext = {
    addVariables,    // preconfiguration
    addPhases,       // postconfiguration
    createMainConf,  // create main configuration
    initMainConf,    // init main configuration
    nullptr,         // create server configuration
    nullptr,         // merge server configuration
    createLocConf,   // create location configuration
    mergeLocConf,    // merge location configuration
};

}  // namespace

MainConf* mainConf(ngx_cycle_t* cycle) {
    return static_cast<MainConf*>(
        ngx_http_cycle_get_module_main_conf(cycle, ngx_http_messaging_module));
}

MainConf* mainConf(ngx_http_request_t* r) {
    return static_cast<MainConf*>(
        ngx_http_get_module_main_conf(r, ngx_http_messaging_module));
}

LocConf* locConf(ngx_http_request_t* r) {
    return static_cast<LocConf*>(
        ngx_http_get_module_loc_conf(r, ngx_http_messaging_module));
}

RequestContext* existingContext(ngx_http_request_t* r) {
    return static_cast<RequestContext*>(
        ngx_http_get_module_ctx(r, ngx_http_messaging_module));
}

RequestContext* context(ngx_http_request_t* r) {
    RequestContext* context = existingContext(r);
    if (context == nullptr) {
        context =
            static_cast<RequestContext*>(ngx_pcalloc(r->pool, sizeof(RequestContext)));
        if (context != nullptr) {
            context->request = r;
            context->site = ngxString(locConf(r)->site);
            context->started = ngx_current_msec;
            ngx_http_set_ctx(r, context, ngx_http_messaging_module);
        }
    }
    return context;
}

}  // namespace messaging

extern "C" {

ngx_module_t ngx_http_messaging_module = {
    NGX_MODULE_V1,
    &messaging::moduleContext,  // module context
    messaging::commands,        // module directives
    NGX_HTTP_MODULE,            // module type
    nullptr,                    // init master
    nullptr,                    // init module
    messaging::initProcess,     // init process
    nullptr,                    // init thread
    nullptr,                    // exit thread
    messaging::exitProcess,     // exit process
    nullptr,                    // exit master
    NGX_MODULE_V1_PADDING,
};

}  // extern "C"
