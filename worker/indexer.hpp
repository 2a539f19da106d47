// Puts messages into the store's index of words, after they were stored: in a thread
// and with a store of its own, a little at a time, so that no sender waits for it.
#pragma once

#include <memory>
#include <thread>

#include "worker/health.hpp"
#include "worker/store.hpp"

namespace messaging::worker {

class Indexer {
public:
    // The context outlives it.
    Indexer(const Context& context, std::unique_ptr<Store> store);
    // Waits for the thread, which ends after the context's stop.
    ~Indexer();
    Indexer(const Indexer&) = delete;
    Indexer& operator=(const Indexer&) = delete;

private:
    void run();
    std::chrono::milliseconds step();

    const Context& context_;
    std::unique_ptr<Store> store_;
    Link storeLink_;
    bool opened_ = false;
    std::thread thread_;
};

}  // namespace messaging::worker
