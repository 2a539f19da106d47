// The only user of yajl: a strict, bounded parser and a writer whose output can stand
// in HTML and in one line of an event stream. Pure; thread-compatible.
//
// Strict: one value and nothing after it, valid UTF-8, no NUL, no lone surrogate, no
// duplicate key, no number beyond a double's range, depth, keys and values bounded
// (limits.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "schema/limits.hpp"
#include "schema/status.hpp"

namespace messaging::json {

enum class Type { Null, Bool, Number, String, Array, Object };

// A parsed document: a tree of values. An object's members keep their order.
class Value {
public:
    using Member = std::pair<std::string, Value>;

    Type type = Type::Null;
    bool boolean = false;
    std::string text;             // String: its characters. Number: as written
    std::vector<Value> items;     // Array
    std::vector<Member> members;  // Object

    bool is(Type wanted) const { return type == wanted; }
    // The member of this name, nullptr where there is none or this is no object.
    const Value* find(std::string_view name) const;
    // A Number that is an integer 0 … 2^53-1 without sign or exponent; 7.0 is 7, as in
    // JSON Schema.
    bool unsignedInteger(uint64_t* out) const;
};

struct Bounds {
    size_t bytes = limits::kMaxBody;
    size_t depth = limits::kJsonDepth;
    size_t keys = limits::kJsonKeys;
    size_t values = limits::kJsonValues;
};

// InvalidJson with a detail for the log; the member's name as field for a duplicate
// key.
Result<Value> parse(std::string_view text, const Bounds& bounds = {});

// Whether `text` is one strict JSON value in a single line (no CR, LF): for what comes
// from Redis and goes on unread. Bounded by depth only, and keeps no keys: duplicates
// pass.
bool validLine(std::string_view text);

// Canonical: the same text for documents that differ in white space, escapes and the
// order of members only. Members by name, numbers as they were written.
std::string canonical(const Value& value);

// Writes JSON into a string of the caller's. Commas and quotes are its business; that
// calls nest properly is the caller's. Escapes <, >, &, U+2028, U+2029 and all
// controls.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    Writer& object();
    Writer& end();  // of the innermost object or array
    Writer& array();
    Writer& key(std::string_view name);
    Writer& string(std::string_view text);  // must be valid UTF-8
    Writer& number(uint64_t value);
    Writer& boolean(bool value);
    Writer& null();
    Writer& raw(std::string_view json);  // a value that is JSON already

    // Members, in short.
    Writer& member(std::string_view name, std::string_view text) {
        return key(name).string(text);
    }
    Writer& member(std::string_view name, uint64_t value) {
        return key(name).number(value);
    }

private:
    void separate();

    std::string& out_;
    std::vector<char> closers_;
    bool first_ = true;
    bool afterKey_ = false;
};

}  // namespace messaging::json
