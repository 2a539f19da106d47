// What an operator sees of an import: progress on a terminal, what came of it, and
// what was odd, as text and as JSON.
#include "worker/import.hpp"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>

#include "schema/json.hpp"
#include "worker/data_file.hpp"
#include "worker/importer.hpp"
#include "worker/shards.hpp"

namespace messaging::worker {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 2;

int fail(const std::string& detail) {
    std::fprintf(stderr, "messaging-worker: import: %s\n", detail.c_str());
    return kFailed;
}

// One line that is written over; nothing where nobody looks.
class Bar {
public:
    Bar() : shown_(::isatty(STDERR_FILENO) != 0) {}
    ~Bar() { clear(); }

    void show(uint64_t done, uint64_t all) {
        if (!shown_) {
            return;
        }
        constexpr unsigned kWidth = 40;
        const uint64_t most = all > done ? all : done > 0 ? done : 1;
        const auto filled = static_cast<unsigned>(done * kWidth / most);
        std::fprintf(stderr, "\r[%s%s] %3u %%  %" PRIu64 " of %" PRIu64 " messages",
                     std::string(filled, '#').c_str(),
                     std::string(kWidth - filled, '.').c_str(),
                     static_cast<unsigned>(done * 100 / most), done, most);
        std::fflush(stderr);
        drawn_ = true;
    }
    void clear() {
        if (drawn_) {
            std::fprintf(stderr, "\r\033[K");
            drawn_ = false;
        }
    }

private:
    const bool shown_;
    bool drawn_ = false;
};

void print(const ImportOutcome& outcome, bool dry) {
    const char* verb = dry ? "would be " : "";
    std::printf("%" PRIu64 " messages read\n", outcome.read);
    std::printf("%" PRIu64 " people, %" PRIu64 " conversations, %" PRIu64
                " messages %sstored; %" PRIu64 " messages were here\n",
                outcome.people, outcome.filled.conversations, outcome.filled.messages,
                verb, outcome.filled.known);
    for (const auto& [what, odd] : outcome.odd.all()) {
        std::printf("odd: %" PRIu64 " %s:", odd.count, Oddities::text(what));
        for (const std::string& example : odd.examples) {
            std::printf(" %s", example.c_str());
        }
        std::printf("%s\n", odd.count > odd.examples.size() ? " …" : "");
    }
}

std::string jsonOf(const ImportOutcome& outcome, const ImportOptions& options,
                   bool complete) {
    std::string text;
    json::Writer writer(text);
    writer.object().member("site", options.site).member("from", options.from);
    writer.key("dryRun").boolean(options.dry).key("complete").boolean(complete);
    writer.member("read", outcome.read).member("people", outcome.people);
    writer.member("conversations", outcome.filled.conversations);
    writer.member("messages", outcome.filled.messages);
    writer.member("known", outcome.filled.known).key("odd").object();
    for (const auto& [what, odd] : outcome.odd.all()) {
        writer.key(what).object().member("count", odd.count);
        writer.member("meaning", Oddities::text(what)).key("examples").array();
        for (const std::string& example : odd.examples) {
            writer.string(example);
        }
        writer.end().end();
    }
    writer.end().end();
    return text + "\n";
}

Status readMapping(const ImportOptions& options, Mapping* mapping) {
    Result<json::Value> file = readDataFile(options.data, "import", options.from);
    Status status = file.ok() ? mapping->read(file.value()) : file.status();
    for (const std::string& field : options.fields) {
        if (status.ok()) {
            status = mapping->set(field);
        }
    }
    return status.ok() ? mapping->complete() : status;
}

}  // namespace

int importFrom(const std::string& storeUri, const ImportOptions& options,
               const std::atomic<bool>& stop) {
    Mapping mapping;
    Status status = readMapping(options, &mapping);
    if (!status.ok()) {
        return fail(status.detail());
    }
    auto store = makeStore(storeUri);
    status = store.ok() ? store.value()->open() : store.status();
    if (!status.ok()) {
        return fail(status.detail());
    }
    auto source = makeSource(options.source, mapping);
    status = source.ok() ? source.value()->open() : source.status();
    if (!status.ok()) {
        return fail(status.detail());
    }
    // Told before hours of work, not after.
    std::ofstream report;
    if (!options.report.empty()) {
        report.open(options.report, std::ios::binary | std::ios::trunc);
        if (!report) {
            return fail("cannot write " + options.report);
        }
    }
    Bar bar;
    ImportPlan plan;
    plan.site = options.site;
    plan.owner = thisOwner().id();
    plan.dry = options.dry;
    plan.progress = [&](uint64_t done, uint64_t all) {
        bar.show(done, all);
        return !stop;
    };
    ImportOutcome outcome;
    status = runImport(*source.value(), mapping, *store.value(), plan, &outcome);
    bar.clear();
    const bool complete = status.ok() && !outcome.stopped;
    if (complete && !options.dry) {
        // All was said: nobody need look at what was written.
        const Status dropped = store.value()->dropNote(plan.owner);
        if (!dropped.ok()) {
            std::fprintf(stderr, "messaging-worker: import: %s\n",
                         dropped.detail().c_str());
        }
    }
    print(outcome, options.dry);
    if (report.is_open()) {
        report << jsonOf(outcome, options, complete);
        report.close();
        if (!report) {
            return fail("cannot write " + options.report);
        }
    }
    if (!status.ok()) {
        return fail(status.detail() + "; run it again to go on");
    }
    return outcome.stopped ? fail("stopped before its end; run it again to go on")
                           : kDone;
}

}  // namespace messaging::worker
