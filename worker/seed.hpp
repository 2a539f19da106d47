// `messaging-worker seed`: demonstration data of a profile, from a file.
#pragma once

#include <string>

namespace messaging::worker {

struct SeedOptions {
    std::string site;
    std::string profile;  // a name, or a file
    std::string data;     // the folder of such files
};

// What is there already stays as it is. The exit status: 0 all is there, 2 it could not
// be done.
int seed(const std::string& storeUri, const SeedOptions& options);

}  // namespace messaging::worker
