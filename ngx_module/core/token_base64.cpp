// Base64url as tokens are written in. cjose decodes it, after it was found strict:
// given anything else it aborts or reads on.
#include <cjose/cjose.h>

#include <algorithm>

#include "ngx_module/core/token_parts.hpp"

namespace messaging::core {
namespace {

struct FreeBytes {
    void operator()(uint8_t* bytes) const { cjose_get_dealloc()(bytes); }
};
using Bytes = std::unique_ptr<uint8_t, FreeBytes>;

// 0 to 63, or -1.
int base64urlValue(char letter) {
    if (letter >= 'A' && letter <= 'Z') {
        return letter - 'A';
    }
    if (letter >= 'a' && letter <= 'z') {
        return letter - 'a' + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return letter - '0' + 52;
    }
    return letter == '-' ? 62 : letter == '_' ? 63 : -1;
}

}  // namespace

bool strictBase64url(std::string_view text) {
    if (text.empty() || text.size() % 4 == 1) {
        return false;
    }
    const bool letters = std::all_of(text.begin(), text.end(), [](char letter) {
        return base64urlValue(letter) >= 0;
    });
    const int spare = text.size() % 4 == 2 ? 0xF : text.size() % 4 == 3 ? 0x3 : 0;
    return letters && (base64urlValue(text.back()) & spare) == 0;
}

size_t decodedSize(std::string_view text) {
    return text.size() * 3 / 4;
}

std::string decoded(std::string_view text) {
    uint8_t* bytes = nullptr;
    size_t size = 0;
    if (!cjose_base64url_decode(text.data(), text.size(), &bytes, &size, nullptr)) {
        return {};
    }
    const Bytes owned(bytes);
    return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace messaging::core
