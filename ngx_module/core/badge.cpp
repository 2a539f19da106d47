// Tags are compared without their W/: for a GET, the same bytes or as good as the same
// is one.
#include "ngx_module/core/badge.hpp"

#include <algorithm>
#include <set>

#include "schema/hash.hpp"
#include "schema/json.hpp"
#include "schema/limits.hpp"

namespace messaging::core {
namespace {

// Past white space and commas, which may stand in any number between the members of a
// list. False if there was no comma.
bool skipSeparators(std::string_view* list) {
    const size_t next = std::min(list->find_first_not_of(" \t,"), list->size());
    const bool comma = list->substr(0, next).find(',') != std::string_view::npos;
    list->remove_prefix(next);
    return comma;
}

// The tag at the start, quotes included and W/ not; empty if there is none.
std::string_view takeTag(std::string_view* list) {
    if (list->substr(0, 2) == "W/") {
        list->remove_prefix(2);
    }
    const size_t end =
        list->substr(0, 1) == "\"" ? list->find('"', 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
        return {};
    }
    const std::string_view tag = list->substr(0, end + 1);
    list->remove_prefix(tag.size());
    return tag;
}

using json::Type;
using json::Value;

// A worker's answer, which may name kMaxBadge conversations twice.
std::optional<Value> parseAnswer(std::string_view text) {
    json::Bounds bounds;
    bounds.bytes = limits::kMaxReply;
    bounds.keys = 2 * limits::kMaxBadge;
    bounds.values = 4 * limits::kMaxBadge;
    Result<Value> parsed = json::parse(text, bounds);
    if (!parsed.ok() || !parsed->is(Type::Object)) {
        return std::nullopt;
    }
    return std::move(parsed.value());
}

struct Counts {
    uint64_t count = 0;
    std::vector<std::pair<std::string, uint64_t>> conversations;
};

std::optional<Counts> countsOf(const Value& answer) {
    Counts counts;
    const Value* count = answer.find("count");
    const Value* conversations = answer.find("conversations");
    if (count == nullptr || !count->unsignedInteger(&counts.count) ||
        conversations == nullptr || !conversations->is(Type::Object)) {
        return std::nullopt;
    }
    for (const auto& [id, value] : conversations->members) {
        uint64_t number = 0;
        if (!value.unsignedInteger(&number)) {
            return std::nullopt;
        }
        counts.conversations.emplace_back(id, number);
    }
    return counts;
}

}  // namespace

std::string etagOf(std::string_view body) {
    return '"' + digest({body}) + '"';
}

bool isPlain(std::string_view own) {
    constexpr std::string_view kPlain = "{\"count\":";
    return own.substr(0, kPlain.size()) == kPlain;
}

bool isBeside(std::string_view own, std::string_view team) {
    std::string start;
    json::Writer writer(start);
    writer.object().member("team", team);
    return own.substr(0, start.size()) == start;
}

std::optional<std::string> joinBadges(std::string_view own, std::string_view others,
                                      std::string_view team) {
    const std::optional<Value> first =
        isBeside(own, team) ? parseAnswer(own) : std::nullopt;
    const std::optional<Value> second = first ? parseAnswer(others) : std::nullopt;
    const Value* both = second ? first->find("own") : nullptr;
    if (both == nullptr || !both->is(Type::Array)) {
        return std::nullopt;
    }
    const std::optional<Counts> mine = countsOf(*first);
    const std::optional<Counts> teams = countsOf(*second);
    if (!mine || !teams) {
        return std::nullopt;
    }
    std::set<std::string> excepted;
    for (const Value& id : both->items) {
        excepted.insert(id.text);
    }
    for (const auto& [id, number] : mine->conversations) {
        excepted.insert(id);
    }
    uint64_t left = teams->count;
    Counts sum = *mine;
    for (const auto& [id, number] : teams->conversations) {
        if (excepted.count(id) != 0) {
            left -= std::min(left, number);
        } else if (sum.conversations.size() < limits::kMaxBadge) {
            sum.conversations.emplace_back(id, number);
        }
    }
    std::string json;
    json::Writer writer(json);
    writer.object().member("count", sum.count + left).key("conversations").object();
    for (const auto& [id, number] : sum.conversations) {
        writer.member(id, number);
    }
    writer.end().end();
    return json;
}

bool matches(std::string_view ifNoneMatch, std::string_view etag) {
    std::string_view list = ifNoneMatch;
    skipSeparators(&list);
    if (list.substr(0, 1) == "*") {
        list.remove_prefix(1);
        skipSeparators(&list);
        return list.empty();
    }
    while (!list.empty()) {
        const std::string_view tag = takeTag(&list);
        if (tag.empty() || (!skipSeparators(&list) && !list.empty())) {
            return false;
        }
        if (tag == etag) {
            return true;
        }
    }
    return false;
}

}  // namespace messaging::core
