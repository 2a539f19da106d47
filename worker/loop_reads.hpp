// The read pool: threads that answer reads, each with a connection and a store of its
// own, so that a slow one delays no write and only a part of the reads.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "schema/keys.hpp"
#include "worker/bus_reads.hpp"
#include "worker/handler.hpp"
#include "worker/health.hpp"

namespace messaging::worker {

class ReadPool {
public:
    // Names that readers meet go to `writer`. Both outlive the pool.
    ReadPool(const Context& context, Writer& writer)
        : context_(context), writer_(writer) {}
    // Waits for the threads, which end after the context's stop.
    ~ReadPool();

    void start(const RedisOptions& redis, const Keys& keys,
               std::unique_ptr<Store> store);

private:
    const Context& context_;
    Writer& writer_;
    std::vector<std::thread> threads_;
};

}  // namespace messaging::worker
