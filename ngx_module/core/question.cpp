// A site's paths and the canonical ones, weighed against each other.
#include "ngx_module/core/question.hpp"

#include <algorithm>

namespace messaging::core {
namespace {

Question canonicalQuestion(Method method, std::string_view uri,
                           std::string_view prefix) {
    Question question;
    if (uri.substr(0, prefix.size()) != prefix) {
        return question;  // a rewrite went elsewhere
    }
    const Route found = route(method, uri.substr(prefix.size()));
    question.match = found.match;
    question.operation = found.operation;
    question.conversation = found.conversation;
    question.allow = found.allow;
    return question;
}

Question siteQuestion(const SiteProfile& profile, Candidates found) {
    Question question;
    question.match = found.match;
    question.allow = std::move(found.allow);
    question.routes = std::move(found.routes);
    for (const size_t i : question.routes) {
        question.reads = question.reads || profile.routes[i].reads;
    }
    if (!question.routes.empty()) {
        question.operation = profile.routes[question.routes.front()].operation;
    }
    return question;
}

// The shape of a canonical path with its location: "LLLP".
std::string canonicalShape(std::string_view uri, std::string_view prefix) {
    std::string shape(
        static_cast<size_t>(std::count(prefix.begin(), prefix.end(), '/')), 'L');
    return shape + route(Method::Other, uri.substr(prefix.size())).shape;
}

std::string both(const std::string& one, const std::string& other) {
    std::string all = one;
    size_t at = 0;
    while (at < other.size()) {
        const size_t comma = std::min(other.find(", ", at), other.size());
        const std::string method = other.substr(at, comma - at);
        if ((", " + all + ", ").find(", " + method + ", ") == std::string::npos) {
            all += (all.empty() ? "" : ", ") + method;
        }
        at = comma + 2;
    }
    return all;
}

}  // namespace

Question questionOf(const SiteProfile* profile, Method method, std::string_view uri,
                    std::string_view prefix) {
    Question canonical = canonicalQuestion(method, uri, prefix);
    if (profile == nullptr) {
        return canonical;
    }
    Candidates found = candidatesFor(*profile, method, uri);
    if (found.match == Route::Match::NoPath) {
        return canonical;
    }
    if (canonical.match == Route::Match::NoPath) {
        return siteQuestion(*profile, std::move(found));
    }
    // Both have the path. A word beats a parameter; where they are alike, the site's
    // own stands, beside those methods that it leaves to us.
    const std::string shape = canonicalShape(uri, prefix);
    const std::string allow = both(found.allow, canonical.allow);
    const bool ours = shape < found.shape ? canonical.match == Route::Match::Found ||
                                                found.match != Route::Match::Found
                                          : canonical.match == Route::Match::Found &&
                                                found.match != Route::Match::Found;
    Question question = ours ? canonical : siteQuestion(*profile, std::move(found));
    question.allow = allow;
    return question;
}

}  // namespace messaging::core
