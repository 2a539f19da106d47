// Setters of what stands between the API and whoever calls it: the language of
// refusals, other origins, rates.
#include "ngx_module/ngx_conf.hpp"

#include "ngx_module/core/origin.hpp"

namespace messaging {
namespace {

// Compared one by one at each request.
constexpr size_t kMaxOrigins = 64;

// Nobody writes a message a second, nor gets to know a person a minute, for an hour.
constexpr std::string_view kDefaultSends = "60/m";
constexpr std::string_view kDefaultStarts = "60/h";

}  // namespace

char* setLanguage(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<LocConf*>(data);
        if (conf->negotiated != NGX_CONF_UNSET) {
            return const_cast<char*>("is duplicate");
        }
        const std::string_view tag = view(arguments(cf)[1]);
        conf->negotiated = tag == "auto";
        conf->language = conf->negotiated ? &kLanguages[0] : languageNamed(tag);
        if (conf->language != nullptr) {
            return NGX_CONF_OK;
        }
        std::string known = "auto";
        for (size_t i = 0; i < kLanguageCount; i++) {
            known += ", " + std::string(kLanguages[i].tag);
        }
        return refuse(cf, "unknown language " + quoted(tag) + ": " + known);
    });
}

char* setOrigins(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<LocConf*>(data);
        if (conf->origins != nullptr) {
            return const_cast<char*>("is duplicate");
        }
        std::vector<std::string> origins;
        for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
            const std::string_view word = view(arguments(cf)[i]);
            if (word == "off" && cf->args->nelts == 2) {
                break;
            }
            auto origin = core::parseOrigin(word);
            if (!origin.ok()) {
                return refuse(cf, "invalid origin " + quoted(word) + ": " +
                                      origin.status().detail());
            }
            origins.push_back(std::move(origin.value()));
        }
        if (origins.size() > kMaxOrigins) {
            return refuse(cf, "more than " + std::to_string(kMaxOrigins) + " origins");
        }
        conf->origins =
            std::make_shared<const std::vector<std::string>>(std::move(origins));
        return NGX_CONF_OK;
    });
}

// What is not named keeps its default, not an outer level's: a line says all of it.
char* setRate(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<LocConf*>(data);
        if (conf->ratesSet) {
            return const_cast<char*>("is duplicate");
        }
        conf->ratesSet = true;
        setDefaultRates(*conf);
        for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
            const ngx_str_t& word = arguments(cf)[i];
            std::string_view value;
            if (view(word) == "off" && cf->args->nelts == 2) {
                conf->sends = conf->starts = core::Rate();
                break;
            }
            core::Rate* out = option(word, "send", &value)    ? &conf->sends
                              : option(word, "start", &value) ? &conf->starts
                                                              : nullptr;
            if (out == nullptr) {
                return refuse(cf, "unknown parameter " + quoted(view(word)));
            }
            const auto rate = core::parseRate(value);
            if (!rate) {
                return refuse(cf, "invalid rate " + quoted(view(word)) +
                                      ": COUNT/UNIT, of s, m, h or d, or off");
            }
            *out = *rate;
        }
        return NGX_CONF_OK;
    });
}

void setDefaultRates(LocConf& conf) {
    conf.sends = *core::parseRate(kDefaultSends);
    conf.starts = *core::parseRate(kDefaultStarts);
}

}  // namespace messaging
