// messaging-worker: options, signals, and the life of what serves. Exit status: 0 after
// SIGTERM or SIGINT, 1 where it must not run as it is asked to; check has its own.
#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <vector>

#include "worker/bus.hpp"
#include "worker/handler.hpp"
#include "worker/health.hpp"
#include "worker/indexer.hpp"
#include "worker/inspect.hpp"
#include "worker/log.hpp"
#include "worker/loop.hpp"
#include "worker/loop_reads.hpp"
#include "worker/options.hpp"
#include "worker/revoker.hpp"

namespace messaging::worker {

namespace {

// Set by a signal, read by every loop; constant-initialised and without a lock.
std::atomic<bool> stopping{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void stop(int) {
    stopping = true;
}

void handleSignals() {
    struct sigaction action = {};
    sigemptyset(&action.sa_mask);
    action.sa_handler = stop;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
    sigaction(SIGXFSZ, &action, nullptr);  // a file at its limit is a full disk
}

Result<std::vector<std::unique_ptr<Store>>> makeStores(const Options& options) {
    std::vector<std::unique_ptr<Store>> stores;
    for (unsigned i = 0; i < options.readers + 3; ++i) {
        auto store = makeStore(options.store);
        if (!store.ok()) {
            return Status(store.status().code(), "--store: " + store.status().detail());
        }
        stores.push_back(std::move(store.value()));
    }
    return stores;
}

Status serve(const Options& options, spdlog::logger& log) {
    auto stores = makeStores(options);
    if (!stores.ok()) {
        return stores.status();
    }
    std::unique_ptr<Store> store = std::move(stores->back());
    stores->pop_back();
    std::unique_ptr<Store> revocations = std::move(stores->back());
    stores->pop_back();
    std::unique_ptr<Store> indexed = std::move(stores->back());
    stores->pop_back();

    const Owner self = thisOwner();
    const Keys keys(options.prefix);
    Health redis(log, "Redis");
    Health storage(log, "the store");
    std::atomic<bool> first{false};
    const Context context{stopping, log, redis, storage, first};
    Writer writer(*store, self.id());
    Bus bus(options.redis, keys, self);
    WriteLoop loop(context, bus, *store, writer);
    log.info("starts as {}, {} readers", self.id(), options.readers);

    struct StopOnExit {  // whatever ends the write loop ends the others, then joined
        ~StopOnExit() { stopping = true; }
    };
    ReadPool pool(context, writer);
    RevokerThread revoker(context, options.redis, keys, std::move(revocations));
    const Indexer indexer(context, std::move(indexed));
    StopOnExit stopReaders;
    for (std::unique_ptr<Store>& one : stores.value()) {
        pool.start(options.redis, keys, std::move(one));
    }
    return loop.run();
}

int run(const Options& options, spdlog::logger& log) {
    Status status = serve(options, log);
    if (!status.ok()) {
        log.error("{}", status.detail());
        return 1;
    }
    log.info("has stopped");
    return 0;
}

}  // namespace

}  // namespace messaging::worker

int main(int argc, char** argv) {
    using namespace messaging::worker;
    try {
        ParsedOptions parsed = parseOptions(argc, argv);
        if (!parsed.options) {
            std::fprintf(parsed.exitStatus == 0 ? stdout : stderr, "%s\n",
                         parsed.text.c_str());
            return parsed.exitStatus;
        }
        handleSignals();
        const Options& options = *parsed.options;
        auto log = makeLogger(options.logLevel);
        spdlog::set_default_logger(log);  // which stores use
        switch (options.action) {
            case Options::Action::Check:
                return inspect(options.store, options.repair, stopping);
            case Options::Action::Revoke:
                return revokeNow(options);
            case Options::Action::Run:
                break;
        }
        return run(options, *log);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "messaging-worker: %s\n", error.what());
        return 1;
    }
}
