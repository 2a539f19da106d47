// Strict where the rules for query strings are lax: what does not decode is refused,
// and not passed on as it stands, so that both programs see the same parameters.
#include "ngx_module/core/query.hpp"

#include "schema/text.hpp"

namespace messaging::core {
namespace {

// No operation has as many; more are no honest question.
constexpr size_t kMaxParameters = 16;

int hexDigit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> decode(std::string_view text, char plus) {
    std::string out;
    out.reserve(text.size());
    for (size_t i = 0; i < text.size(); i++) {
        if (text[i] == '+') {
            out += plus;
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const int high = i + 1 < text.size() ? hexDigit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hexDigit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return std::nullopt;
            }
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    if (out.find('\0') != std::string::npos || !countCharacters(out)) {
        return std::nullopt;
    }
    return out;
}

bool has(const Query& query, const std::string& name) {
    for (const auto& parameter : query) {
        if (parameter.first == name) {
            return true;
        }
    }
    return false;
}

}  // namespace

Result<Query> parseQuery(std::string_view text) {
    Query query;
    while (!text.empty()) {
        const std::string_view part = text.substr(0, text.find('&'));
        text.remove_prefix(part.size() == text.size() ? part.size() : part.size() + 1);
        if (part.empty()) {
            continue;
        }
        const size_t equals = part.find('=');
        auto name = decode(part.substr(0, equals), ' ');
        if (!name) {
            return {Code::InvalidField, "a parameter's name does not decode", "query"};
        }
        auto value = decode(
            equals == part.npos ? std::string_view() : part.substr(equals + 1), ' ');
        if (!value || has(query, *name) || query.size() == kMaxParameters) {
            return {Code::InvalidField,
                    "a parameter does not decode or is one too many", *name};
        }
        query.emplace_back(std::move(*name), std::move(*value));
    }
    return query;
}

std::optional<std::string> percentDecoded(std::string_view text) {
    return decode(text, '+');
}

}  // namespace messaging::core
