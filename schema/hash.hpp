// SHA-256 (OpenSSL's) over parts that cannot run into one another: each part is
// preceded by its length. Where an id is derived from what somebody chose, nobody can
// choose a clash.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace messaging {

// 32 lower-case hexadecimal digits: the first 128 bits.
std::string digest(const std::vector<std::string_view>& parts);
std::string digest(std::initializer_list<std::string_view> parts);

}  // namespace messaging
