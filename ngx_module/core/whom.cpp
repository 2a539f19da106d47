// Byte by byte, as ids are compared everywhere; an escape that is broken names nobody,
// so it is the client's mistake and no other person.
#include "ngx_module/core/whom.hpp"

#include "ngx_module/core/query.hpp"

namespace messaging::core {

Status meantFor(const Whom& whom, std::string_view user) {
    if (!whom.named && !whom.many) {
        return {};
    }
    const auto id = whom.many ? std::nullopt : percentDecoded(*whom.named);
    if (!id || id->empty()) {
        return {Code::InvalidField, "not one id", std::string(kUserHeader)};
    }
    return *id == user ? Status() : Status(Code::OtherUser);
}

}  // namespace messaging::core
