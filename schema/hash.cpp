// The only user of libcrypto in schema. Hashes LENGTH ":" PART for each part, the
// length in decimal: other languages repeat it easily (an import has to).
#include "schema/hash.hpp"

#include <openssl/evp.h>

#include <memory>
#include <stdexcept>

namespace messaging {
namespace {

constexpr size_t kDigestBytes = 16;

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// Fails only where memory is out or the machine's OpenSSL offers no SHA-256: nothing
// that a caller could handle, so it is thrown and caught at the entry point.
void require(bool done) {
    if (!done) {
        throw std::runtime_error("SHA-256 failed");
    }
}

// Asked for once: OpenSSL 3 searches its providers each time. Lives as long as the
// process.
const EVP_MD* sha256() {
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    return fetched;
#else
    return EVP_sha256();
#endif
}

template <typename Parts>
std::string digestOf(const Parts& parts) {
    const Context context(EVP_MD_CTX_new());
    require(context && EVP_DigestInit_ex(context.get(), sha256(), nullptr) == 1);
    for (const std::string_view part : parts) {
        const std::string length = std::to_string(part.size()) + ':';
        require(EVP_DigestUpdate(context.get(), length.data(), length.size()) == 1);
        require(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
    }
    unsigned char bytes[EVP_MAX_MD_SIZE];
    require(EVP_DigestFinal_ex(context.get(), bytes, nullptr) == 1);

    constexpr char kHex[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * kDigestBytes);
    for (size_t i = 0; i < kDigestBytes; ++i) {
        text += kHex[bytes[i] >> 4];
        text += kHex[bytes[i] & 15];
    }
    return text;
}

}  // namespace

std::string digest(const std::vector<std::string_view>& parts) {
    return digestOf(parts);
}

std::string digest(std::initializer_list<std::string_view> parts) {
    return digestOf(parts);
}

}  // namespace messaging
