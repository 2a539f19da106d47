// yajl knows the grammar; what it is lax about is checked here: before it sees the
// text, UTF-8, \u0000, lone surrogates, and \v and \f, which it takes for white space;
// after it, what follows the value.
//
// yajl's callbacks are called from C: they are noexcept, catch what their body throws,
// and cancel the parse.
#include "schema/json.hpp"

#include <yajl/yajl_parse.h>

#include <charconv>

#include "schema/text.hpp"

namespace messaging::json {
namespace {

struct FreeHandle {
    void operator()(yajl_handle handle) const { yajl_free(handle); }
};
using Handle = std::unique_ptr<std::remove_pointer_t<yajl_handle>, FreeHandle>;

const unsigned char* bytesOf(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view viewOf(const unsigned char* bytes, size_t length) {
    return {reinterpret_cast<const char*>(bytes), length};
}

// --- Before yajl

// The four hexadecimal digits at the start of `text`; -1 where there are none.
int hexUnit(std::string_view text) {
    if (text.size() < 4) {
        return -1;
    }
    int value = 0;
    for (const char digit : text.substr(0, 4)) {
        value <<= 4;
        if (digit >= '0' && digit <= '9') {
            value |= digit - '0';
        } else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f') {
            value |= (digit | 0x20) - 'a' + 10;
        } else {
            return -1;
        }
    }
    return value;
}

// A backslash stands in strings only (yajl refuses any other), so escapes can be looked
// at without knowing where strings are. Nothing, or what is wrong.
const char* checkEscapes(std::string_view text) {
    for (size_t at = text.find('\\'); at != std::string_view::npos;
         at = text.find('\\', at)) {
        if (at + 1 >= text.size() || text[at + 1] != 'u') {
            at += 2;
            continue;
        }
        const int unit = hexUnit(text.substr(at + 2));
        at += 6;
        if (unit < 0) {
            return "invalid escape";
        }
        if (unit == 0) {
            return "escaped NUL";
        }
        if (unit >= 0xDC00 && unit <= 0xDFFF) {
            return "lone surrogate";
        }
        if (unit >= 0xD800 && unit <= 0xDBFF) {
            const bool escaped = text.substr(at, 2) == "\\u";
            const int low = escaped ? hexUnit(text.substr(at + 2)) : -1;
            if (low < 0xDC00 || low > 0xDFFF) {
                return "lone surrogate";
            }
            at += 6;
        }
    }
    return nullptr;
}

bool contains(std::string_view text, char byte) {
    return text.find(byte) != std::string_view::npos;
}

const char* checkBytes(std::string_view text) {
    if (!countCharacters(text)) {
        return "not UTF-8";
    }
    if (contains(text, '\0') || contains(text, '\v') || contains(text, '\f')) {
        return "control character";
    }
    return checkEscapes(text);
}

bool inRange(std::string_view number) {
    double value = 0;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), value);
    return error == std::errc() && end == number.data() + number.size();
}

// --- yajl

// Runs yajl over all of `text`. A failure's words never quote the text: they go to a
// log.
//
// What follows the value is looked at here: yajl takes a string that never ends for the
// end of the text, so that for it `1"x` would be whole.
const char* run(const yajl_callbacks& callbacks, void* context, std::string_view text) {
    const Handle handle(yajl_alloc(&callbacks, nullptr, context));
    if (!handle) {
        return "out of memory";
    }
    yajl_config(handle.get(), yajl_dont_validate_strings, 1);  // done, and better
    yajl_config(handle.get(), yajl_allow_trailing_garbage, 1);
    if (yajl_parse(handle.get(), bytesOf(text), text.size()) != yajl_status_ok) {
        return "syntax";
    }
    const std::string_view rest = text.substr(yajl_get_bytes_consumed(handle.get()));
    if (yajl_complete_parse(handle.get()) != yajl_status_ok ||
        rest.find_first_not_of(" \t\r\n") != std::string_view::npos) {
        return "syntax";
    }
    return nullptr;
}

// Builds the tree. Pointers in `open_` stay good: while a container is open, nothing is
// added to the ones around it.
class Builder {
public:
    explicit Builder(const Bounds& bounds) : bounds_(bounds) {}

    bool scalar(Type type, bool boolean, std::string_view text) {
        Value* value = add(type);
        if (value == nullptr) {
            return false;
        }
        value->boolean = boolean;
        value->text = text;
        return true;
    }

    bool number(std::string_view text) {
        return inRange(text) ? scalar(Type::Number, false, text) : fail("number range");
    }

    bool begin(Type type) {
        if (open_.size() >= bounds_.depth) {
            return fail("too deep");
        }
        Value* value = add(type);
        if (value == nullptr) {
            return false;
        }
        open_.push_back(value);
        return true;
    }

    bool key(std::string_view name) {
        if (++keys_ > bounds_.keys) {
            return fail("too many keys");
        }
        Value& object = *open_.back();
        if (object.find(name) != nullptr) {
            field_ = name;
            return fail("duplicate key");
        }
        object.members.emplace_back(name, Value());
        return true;
    }

    bool end() {
        open_.pop_back();
        return true;
    }

    bool fail(const char* reason) {
        reason_ = reason;
        return false;
    }

    void outOfMemory() { outOfMemory_ = true; }

    Result<Value> finish(const char* problem) {
        if (problem == nullptr) {
            return std::move(root_);
        }
        if (outOfMemory_) {
            return {Code::Internal, "out of memory"};
        }
        return {Code::InvalidJson, reason_ != nullptr ? reason_ : problem, field_};
    }

private:
    Value* add(Type type) {
        if (++values_ > bounds_.values) {
            fail("too many values");
            return nullptr;
        }
        Value* value = &root_;
        if (!open_.empty() && open_.back()->is(Type::Array)) {
            value = &open_.back()->items.emplace_back();
        } else if (!open_.empty()) {
            value = &open_.back()->members.back().second;
        }
        value->type = type;
        return value;
    }

    const Bounds& bounds_;
    Value root_;
    std::vector<Value*> open_;
    size_t keys_ = 0;
    size_t values_ = 0;
    const char* reason_ = nullptr;
    bool outOfMemory_ = false;
    std::string field_;
};

template <typename Call>
int guarded(void* context, Call call) noexcept {
    auto& builder = *static_cast<Builder*>(context);
    try {
        return call(builder) ? 1 : 0;
    } catch (...) {  // bad_alloc: nothing else is thrown in there
        builder.outOfMemory();
        return 0;
    }
}

int onNull(void* context) {
    return guarded(context, [](Builder& b) { return b.scalar(Type::Null, false, {}); });
}

int onBoolean(void* context, int value) {
    return guarded(context,
                   [=](Builder& b) { return b.scalar(Type::Bool, value != 0, {}); });
}

int onNumber(void* context, const char* text, size_t length) {
    return guarded(context, [=](Builder& b) { return b.number({text, length}); });
}

int onString(void* context, const unsigned char* text, size_t length) {
    return guarded(context, [=](Builder& b) {
        return b.scalar(Type::String, false, viewOf(text, length));
    });
}

int onObject(void* context) {
    return guarded(context, [](Builder& b) { return b.begin(Type::Object); });
}

int onKey(void* context, const unsigned char* text, size_t length) {
    return guarded(context, [=](Builder& b) { return b.key(viewOf(text, length)); });
}

int onArray(void* context) {
    return guarded(context, [](Builder& b) { return b.begin(Type::Array); });
}

int onEnd(void* context) {
    return guarded(context, [](Builder& b) { return b.end(); });
}

constexpr yajl_callbacks kBuild = {
    onNull,   onBoolean, nullptr, nullptr, onNumber, onString,
    onObject, onKey,     onEnd,   onArray, onEnd,
};

// validLine counts open containers and looks at numbers, no more.

int onDeeper(void* context) {
    return ++*static_cast<size_t*>(context) <= limits::kJsonDepth ? 1 : 0;
}

int onShallower(void* context) {
    --*static_cast<size_t*>(context);
    return 1;
}

int onAnyNumber(void* /*context*/, const char* text, size_t length) {
    return inRange({text, length}) ? 1 : 0;
}

constexpr yajl_callbacks kValidate = {
    nullptr,  nullptr, nullptr,     nullptr,  onAnyNumber, nullptr,
    onDeeper, nullptr, onShallower, onDeeper, onShallower,
};

}  // namespace

const Value* Value::find(std::string_view name) const {
    for (const Member& member : members) {
        if (member.first == name) {
            return &member.second;
        }
    }
    return nullptr;
}

bool Value::unsignedInteger(uint64_t* out) const {
    if (!is(Type::Number)) {
        return false;
    }
    const std::string_view whole(text);
    const size_t point = std::min(whole.find('.'), whole.size());
    if (whole.find_first_not_of('0', point + 1) != whole.npos) {
        return false;
    }
    const std::optional<uint64_t> value = parseUnsigned(whole.substr(0, point));
    if (!value || *value > limits::kMaxInteger) {
        return false;
    }
    *out = *value;
    return true;
}

Result<Value> parse(std::string_view text, const Bounds& bounds) {
    if (text.size() > bounds.bytes) {
        return {Code::InvalidJson, "too long"};
    }
    if (const char* problem = checkBytes(text)) {
        return {Code::InvalidJson, problem};
    }
    Builder builder(bounds);
    return builder.finish(run(kBuild, &builder, text));
}

bool validLine(std::string_view text) {
    if (contains(text, '\n') || contains(text, '\r') || checkBytes(text) != nullptr) {
        return false;
    }
    size_t depth = 0;
    return run(kValidate, &depth, text) == nullptr;
}

}  // namespace messaging::json
