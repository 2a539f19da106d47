// What OpenSSL leaves behind, which nobody may find.
#pragma once

#include <openssl/err.h>

namespace messaging::core {

// nginx takes what stands in OpenSSL's queue for its own TLS errors.
struct CleanErrors {
    ~CleanErrors() { ERR_clear_error(); }
};

}  // namespace messaging::core
