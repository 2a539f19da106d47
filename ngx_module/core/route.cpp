// A handful of paths: compared one by one, in the order of the API's description.
#include "ngx_module/core/route.hpp"

#include <optional>

#include "schema/text.hpp"

namespace messaging::core {
namespace {

// What a path answers to. No operation stands for a method that it does not know.
struct Place {
    std::optional<Operation> get;
    std::optional<Operation> post;
    std::optional<Operation> patch;
    bool head = true;  // wherever GET is, a stream excepted: it has no end to measure
    const char* allow = "";
    const char* shape = "L";
    std::string_view conversation = {};
};

Place reading(Operation operation) {
    Place place;
    place.get = operation;
    place.allow = "GET, HEAD";
    return place;
}

std::optional<Place> fixedPlace(std::string_view path) {
    if (path == "/conversations") {
        Place place = reading(Operation::List);
        place.post = Operation::Start;
        place.allow = "GET, HEAD, POST";
        return place;
    }
    if (path == "/unread-count") {
        return reading(Operation::UnreadCount);
    }
    if (path == "/search") {
        return reading(Operation::Search);
    }
    if (path == "/stream") {
        Place place = reading(Operation::Stream);
        place.head = false;
        place.allow = "GET";
        return place;
    }
    if (path == "/status") {
        return reading(Operation::Status);
    }
    return std::nullopt;
}

// "/conversations/ID" and what stands under it.
std::optional<Place> conversationPlace(std::string_view path) {
    const std::string_view prefix = "/conversations/";
    if (path.substr(0, prefix.size()) != prefix) {
        return std::nullopt;
    }
    path.remove_prefix(prefix.size());
    const std::string_view id = path.substr(0, path.find('/'));
    if (!validId(id)) {
        return std::nullopt;
    }
    const std::string_view rest = path.substr(id.size());
    Place place;
    if (rest.empty()) {
        place = reading(Operation::Conversation);
        place.patch = Operation::Change;
        place.allow = "GET, HEAD, PATCH";
    } else if (rest == "/messages") {
        place = reading(Operation::History);
        place.post = Operation::Send;
        place.allow = "GET, HEAD, POST";
    } else if (rest == "/read") {
        place.patch = Operation::Read;
        place.allow = "PATCH";
    } else if (rest == "/typing") {
        place.post = Operation::Typing;
        place.allow = "POST";
    } else {
        return std::nullopt;
    }
    place.conversation = id;
    place.shape = rest.empty() ? "LP" : "LPL";
    return place;
}

std::optional<Operation> operationOf(const Place& place, Method method) {
    switch (method) {
        case Method::Get:
            return place.get;
        case Method::Head:
            return place.head ? place.get : std::nullopt;
        case Method::Post:
            return place.post;
        case Method::Patch:
            return place.patch;
        default:
            return std::nullopt;
    }
}

}  // namespace

Route route(Method method, std::string_view path) {
    Route found;
    std::optional<Place> place = fixedPlace(path);
    if (!place) {
        place = conversationPlace(path);
    }
    if (!place) {
        return found;
    }
    found.conversation = place->conversation;
    found.shape = place->shape;
    found.allow = place->allow;
    const std::optional<Operation> operation = operationOf(*place, method);
    if (operation) {
        found.match = Route::Match::Found;
        found.operation = *operation;
    } else {
        found.match = Route::Match::NoMethod;
    }
    return found;
}

}  // namespace messaging::core
