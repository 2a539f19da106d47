// Bounded like everything that is read: such a file is written by people.
#include "worker/data_file.hpp"

#include <fstream>
#include <sstream>

#include "schema/text.hpp"

namespace messaging::worker {
namespace {

constexpr json::Bounds kBounds = {1024 * 1024, limits::kJsonDepth, 100000, 100000};

bool endsWith(const std::string& text, const std::string& end) {
    return text.size() >= end.size() &&
           text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

Result<json::Value> readDataFile(const std::string& folder, const std::string& kind,
                                 const std::string& name) {
    const bool isPath = name.find('/') != std::string::npos || endsWith(name, ".json");
    if (!isPath && !validWord(name)) {
        return {Code::InvalidField, "'" + name + "' is neither a name nor a file"};
    }
    const std::string path = isPath ? name : folder + "/" + kind + "/" + name + ".json";
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        return {Code::InvalidField, "cannot read " + path};
    }
    std::string text(kBounds.bytes + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
    if (text.size() > kBounds.bytes) {
        return {Code::InvalidField, path + " is longer than 1 MB"};
    }
    Result<json::Value> value = json::parse(text, kBounds);
    if (!value.ok()) {
        return {Code::InvalidField,
                path + ": " + value.status().detail() + " " + value.status().field()};
    }
    if (!value->is(json::Type::Object)) {
        return {Code::InvalidField, path + ": not an object"};
    }
    return value;
}

}  // namespace messaging::worker
