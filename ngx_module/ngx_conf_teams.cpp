// messaging_teams: the roles whose people are one member together, and whose person
// somebody is.
#include "ngx_module/ngx_conf.hpp"

#include <algorithm>

#include "schema/text.hpp"

namespace messaging {
namespace {

// Compared one by one at each request.
constexpr size_t kMaxTeams = 64;

}  // namespace

char* setTeams(ngx_conf_t* cf, ngx_command_t* cmd, void* data) {
    return guard(cf->log, kFailed, [&]() -> char* {
        auto* conf = static_cast<LocConf*>(data);
        if (conf->teams != nullptr) {
            return const_cast<char*>("is duplicate");
        }
        std::vector<std::string> teams;
        for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
            const std::string_view role = view(arguments(cf)[i]);
            if (role == "off" && cf->args->nelts == 2) {
                break;
            }
            teams.push_back(teamId(role));
            if (teamRole(teams.back()).empty()) {
                return refuse(cf, "invalid role " + quoted(role) +
                                      ": \"team:\" and it are an id, at most " +
                                      std::to_string(limits::kMaxId) + " characters");
            }
        }
        if (teams.size() > kMaxTeams) {
            return refuse(cf, "more than " + std::to_string(kMaxTeams) + " roles");
        }
        conf->teams =
            std::make_shared<const std::vector<std::string>>(std::move(teams));
        return NGX_CONF_OK;
    });
}

std::shared_ptr<const std::vector<std::string>> teamIds(
    const std::vector<std::string>& roles) {
    std::vector<std::string> ids;
    for (const std::string& role : roles) {
        ids.push_back(teamId(role));
    }
    return std::make_shared<const std::vector<std::string>>(std::move(ids));
}

// Byte for byte: another spelling is another role, and of no team.
std::string teamOf(const LocConf* conf, std::string_view role) {
    std::string id = teamId(role);
    const std::vector<std::string>& teams = *conf->teams;
    const bool known = std::find(teams.begin(), teams.end(), id) != teams.end();
    return known ? id : std::string();
}

}  // namespace messaging
