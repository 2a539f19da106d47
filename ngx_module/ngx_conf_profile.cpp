// `messaging_profile NAME { … }`: hands the block's lines to core/profile.hpp, and
// reports what is wrong with one at its file and line. `messaging_refusal NAME`:
// nginx's own refusals in the shape of the profile's.
#include "ngx_module/ngx_conf.hpp"

#include <algorithm>

#include "schema/problem.hpp"
#include "schema/text.hpp"

namespace messaging {
namespace {

// A line within the block; nginx calls it as it calls a directive's setter.
char* addLine(ngx_conf_t* cf, ngx_command_t* dummy, void* block) {
    return guard(cf->log, kFailed, [&]() -> char* {
        std::vector<std::string_view> words;
        for (ngx_uint_t i = 0; i < cf->args->nelts; i++) {
            words.push_back(view(arguments(cf)[i]));
        }
        const Status status = static_cast<core::ProfileBlock*>(block)->line(words);
        return status.ok() ? NGX_CONF_OK : refuse(cf, status.detail());
    });
}

char* parseBlock(ngx_conf_t* cf, core::ProfileBlock* block) {
    const ngx_conf_t saved = *cf;
    cf->handler = addLine;
    cf->handler_conf = reinterpret_cast<char*>(block);
    char* const parsed = ngx_conf_parse(cf, nullptr);
    *cf = saved;
    return parsed;
}

}  // namespace

ngx_int_t handleRefusal(ngx_http_request_t* r) {
    const LocConf* conf = locConf(r);
    if (!conf->refuses || r != r->main) {
        return NGX_DECLINED;
    }
    return guard(r->connection->log, ngx_int_t{NGX_ERROR}, [r] {
        if (context(r) == nullptr) {
            return ngx_int_t{NGX_ERROR};
        }
        if (r->err_status == 0 && !r->internal) {
            return respondProblem(r, Code::NotFound);  // not by any error_page
        }
        if (r->err_status == 0) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "messaging: error_page with \"=\" does not tell "
                          "messaging_refusal what happened");
        }
        const Code code = codeOf(static_cast<int>(r->err_status));
        // nginx has statuses of its own, 494 say, that are nobody else's.
        r->err_status = static_cast<ngx_uint_t>(problemKind(code).status);
        return respondProblem(r, code);
    });
}

char* setRefusal(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<LocConf*>(data);
        auto* location = static_cast<ngx_http_core_loc_conf_t*>(
            ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
        const auto* main = static_cast<MainConf*>(
            ngx_http_conf_get_module_main_conf(cf, ngx_http_messaging_module));
        if (location->handler != nullptr || conf->profile != nullptr) {
            return refuse(cf, "another directive answers this location too");
        }
        conf->profile = findProfile(*main, view(arguments(cf)[1]));
        if (conf->profile == nullptr) {
            return refuse(cf, "no messaging_profile before this line is called " +
                                  quoted(view(arguments(cf)[1])));
        }
        conf->refuses = true;
        conf->enabled = 0;  // else the profile would be inherited, or none
        return NGX_CONF_OK;
    });
}

const core::SiteProfile* findProfile(const MainConf& conf, std::string_view name) {
    const auto found = std::find_if(
        conf.profiles.begin(), conf.profiles.end(),
        [&](const auto& profile) { return profile->wording.name == name; });
    return found == conf.profiles.end() ? nullptr : found->get();
}

char* setProfile(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<MainConf*>(data);
        const std::string name(view(arguments(cf)[1]));
        if (!validWord(name) || name == "off") {
            return refuse(cf, "not a profile's name: " + quoted(name));
        }
        if (findProfile(*conf, name) != nullptr) {
            return refuse(cf, "there is a profile " + quoted(name) + " already");
        }
        core::ProfileBlock block(name);
        if (char* const parsed = parseBlock(cf, &block); parsed != NGX_CONF_OK) {
            return parsed;
        }
        Result<core::SiteProfile> profile = block.finish();
        if (!profile.ok()) {
            return refuse(cf, profile.status().detail());
        }
        conf->profiles.push_back(
            std::make_unique<core::SiteProfile>(std::move(profile.value())));
        return NGX_CONF_OK;
    });
}

}  // namespace messaging
