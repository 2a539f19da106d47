// One of all workers does it, the owner of the first shard: two would do the same
// twice, which is harm to nothing but their time.
#include "worker/indexer.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace messaging::worker {

namespace {

using std::chrono::milliseconds;

// Together: on SQLite a commit of so many takes some milliseconds, for which writers
// wait. More than one commit costs them than it saves.
constexpr size_t kAtOnce = 500;
// Until something new is looked for. A search looks at what is new by itself.
constexpr milliseconds kIdle{250};
constexpr milliseconds kShort{5};
constexpr milliseconds kAfterSurprise{1000};

}  // namespace

Indexer::Indexer(const Context& context, std::unique_ptr<Store> store)
    : context_(context),
      store_(std::move(store)),
      storeLink_(context.store),
      thread_([this] { run(); }) {}

Indexer::~Indexer() {
    thread_.join();
}

// What nobody foresaw ends one turn, not the process.
void Indexer::run() {
    while (!context_.stop) {
        milliseconds rest = kAfterSurprise;
        try {
            rest = step();
        } catch (const std::exception& error) {
            context_.log.error("the index of words waits: {}", error.what());
        }
        context_.pause(rest);
    }
}

// How long to rest after it: twice as long as it took, so that what is left to do
// leaves the store to those who wait for it.
milliseconds Indexer::step() {
    if (!context_.first || !usable(*store_, storeLink_, &opened_)) {
        return kIdle;
    }
    const auto before = Clock::now();
    const auto looked = store_->index(kAtOnce);
    if (!looked.ok()) {
        storeLink_.fail(looked.status().detail());
        return kIdle;
    }
    if (looked.value() < kAtOnce) {
        return kIdle;
    }
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - before);
    return std::max(kShort, 2 * took);
}

}  // namespace messaging::worker
