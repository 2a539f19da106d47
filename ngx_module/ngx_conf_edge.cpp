// Setters of what stands between the API and whoever calls it: the language of
// refusals.
#include "ngx_module/ngx_conf.hpp"

namespace messaging {

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

}  // namespace messaging
