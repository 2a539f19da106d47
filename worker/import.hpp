// `messaging-worker import`: a site's own messages, from its MongoDB into the store.
#pragma once

#include <atomic>
#include <string>
#include <vector>

namespace messaging::worker {

struct ImportOptions {
    std::string site;
    std::string source;               // mongodb://HOST/DATABASE
    std::string from;                 // a preset's name, or a file
    std::vector<std::string> fields;  // NAME=VALUE, over the preset's
    std::string data;                 // the folder of presets
    std::string report;               // a file; empty: none
    bool dry = false;
};

// The exit status: 0 it was read to its end, whatever was odd; 2 it was not, and
// another run goes on.
int importFrom(const std::string& storeUri, const ImportOptions& options,
               const std::atomic<bool>& stop);

}  // namespace messaging::worker
