// JSON Web Key Sets (RFC 7517): of all that a provider publishes, the keys for one
// algorithm. A key that is for something else is passed over; one that is for us and
// cannot be used is a mistake, and so is a private one, whatever it is for.
#include <algorithm>

#include "ngx_module/core/token_parts.hpp"
#include "schema/json.hpp"

namespace messaging::core {
namespace {

constexpr size_t kMostId = 256;

Status refuse(std::string detail) {
    return {Code::InvalidField, std::move(detail)};
}

// What a key of this algorithm is.
struct Kind {
    std::string_view type;   // kty
    std::string_view curve;  // crv; empty: it has none
};

Kind kindFor(Algorithm algorithm) {
    switch (algorithm) {
        case Algorithm::RS256:
            return {"RSA", {}};
        case Algorithm::ES256:
            return {"EC", "P-256"};
        case Algorithm::EdDSA:
            return {"OKP", "Ed25519"};
        default:
            return {"oct", {}};
    }
}

bool isText(const json::Value* value, std::string_view wanted) {
    return value != nullptr && value->is(json::Type::String) && value->text == wanted;
}

// An absent one says nothing against it.
bool allows(const json::Value* value, std::string_view wanted) {
    return value == nullptr || isText(value, wanted);
}

bool allowsVerifying(const json::Value* operations) {
    return operations == nullptr ||
           std::any_of(operations->items.begin(), operations->items.end(),
                       [](const json::Value& one) { return isText(&one, "verify"); });
}

bool fits(Algorithm algorithm, const json::Value& key) {
    const Kind kind = kindFor(algorithm);
    return isText(key.find("kty"), kind.type) &&
           (kind.curve.empty() || isText(key.find("crv"), kind.curve)) &&
           allows(key.find("alg"), algorithmName(algorithm)) &&
           allows(key.find("use"), "sig") && allowsVerifying(key.find("key_ops"));
}

// A member's bytes; empty if it has none that are strictly written.
std::string bytesOf(const json::Value& key, std::string_view name) {
    const json::Value* value = key.find(name);
    return value != nullptr && value->is(json::Type::String) &&
                   strictBase64url(value->text)
               ? decoded(value->text)
               : std::string();
}

Result<KeyHandle> handleOf(Algorithm algorithm, const json::Value& key) {
    switch (algorithm) {
        case Algorithm::RS256:
            return rsaHandle(bytesOf(key, "n"), bytesOf(key, "e"));
        case Algorithm::ES256:
            return p256Handle(bytesOf(key, "x"), bytesOf(key, "y"));
        case Algorithm::EdDSA:
            return ed25519Handle(bytesOf(key, "x"));
        default:
            return secretHandle(bytesOf(key, "k"));
    }
}

Result<NamedKey> readKey(Algorithm algorithm, const json::Value& key) {
    NamedKey made;
    if (const json::Value* id = key.find("kid")) {
        if (!id->is(json::Type::String) || id->text.empty() ||
            id->text.size() > kMostId) {
            return refuse("its kid is no text of 1 to 256 bytes");
        }
        made.id = id->text;
    }
    auto handle = handleOf(algorithm, key);
    if (!handle.ok()) {
        return handle.status();
    }
    made.handle = std::move(handle.value());
    return made;
}

// What is wrong with any key of a set, whatever it is for.
Status checkMember(const json::Value& key) {
    const json::Value* type = key.find("kty");
    if (type == nullptr || !type->is(json::Type::String)) {
        return refuse("it has no kty, so it is no JSON Web Key");
    }
    if (type->text != "oct" && (key.find("d") != nullptr || key.find("p") != nullptr)) {
        return refuse("it is a private key: nginx needs the public ones only");
    }
    return {};
}

Status addKey(Algorithm algorithm, const json::Value& member, KeySet* set) {
    if (Status status = checkMember(member); !status.ok()) {
        return status;
    }
    if (!fits(algorithm, member)) {
        return {};
    }
    auto key = readKey(algorithm, member);
    if (!key.ok()) {
        return key.status();
    }
    for (const NamedKey& other : set->keys) {
        if (!key->id.empty() && other.id == key->id) {
            return refuse("another key has its kid too");
        }
    }
    set->keys.push_back(std::move(key.value()));
    return {};
}

std::string wanted(Algorithm algorithm) {
    const Kind kind = kindFor(algorithm);
    return "kty " + std::string(kind.type) +
           (kind.curve.empty() ? "" : ", crv " + std::string(kind.curve)) +
           ", and where they are given alg " + std::string(algorithmName(algorithm)) +
           ", use sig";
}

}  // namespace

Result<std::shared_ptr<const KeySet>> readKeySet(Algorithm algorithm,
                                                 std::string_view text) {
    json::Bounds bounds;
    bounds.keys = 4096;
    bounds.values = 8192;
    const auto root = json::parse(text, bounds);
    if (!root.ok()) {
        return refuse("this is no strict JSON: " + root.status().detail());
    }
    const json::Value* members = root.value().find("keys");
    if (members == nullptr || !members->is(json::Type::Array)) {
        return refuse(
            "this JSON is no key set: one is {\"keys\": [ … ]}, with JSON Web Keys");
    }
    auto set = std::make_shared<KeySet>();
    set->byId = true;
    for (size_t i = 0; i < members->items.size(); ++i) {
        const json::Value& member = members->items[i];
        if (Status status = addKey(algorithm, member, set.get()); !status.ok()) {
            return refuse("key " + std::to_string(i + 1) +
                          " of the set: " + status.detail());
        }
    }
    if (set->keys.empty()) {
        return refuse("none of the set's " + std::to_string(members->items.size()) +
                      " keys is for " + std::string(algorithmName(algorithm)) + ": " +
                      wanted(algorithm));
    }
    return std::shared_ptr<const KeySet>(std::move(set));
}

}  // namespace messaging::core
