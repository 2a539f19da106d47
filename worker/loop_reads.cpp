// A read that cannot be answered now is refused at once: its caller asks again sooner
// than a store comes back.
#include "worker/loop_reads.hpp"

#include <exception>

namespace messaging::worker {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBlock{250};
constexpr milliseconds kIdle{50};
// Replies wait for one another this long at most.
constexpr milliseconds kGather{2};
constexpr milliseconds kAfterSurprise{1000};

class ReadLoop : Presences {
public:
    ReadLoop(const Context& context, const RedisOptions& redis, const Keys& keys,
             const std::string& name, std::unique_ptr<Store> store, Writer& writer)
        : context_(context),
          bus_(redis, keys, name),
          store_(std::move(store)),
          reader_(*store_, this),
          writer_(writer),
          redisLink_(context.redis),
          storeLink_(context.store) {}

    // Until the context's stop.
    void run();

private:
    void step();
    Status turn();
    Status answer(const Delivered& read);
    Reply refusal(const Delivered& read, Code code) const;
    // Presences
    void find(std::vector<User>* users) override;

    const Context& context_;
    ReadBus bus_;
    std::unique_ptr<Store> store_;
    Reader reader_;
    Writer& writer_;
    Link redisLink_;
    Link storeLink_;
    bool opened_ = false;
};

// What nobody foresaw ends one turn, not the process.
void ReadLoop::run() {
    while (!context_.stop) {
        try {
            step();
        } catch (const std::exception& error) {
            context_.log.error("a reader starts again: {}", error.what());
            bus_.close();
            context_.pause(kAfterSurprise);
        }
    }
}

void ReadLoop::step() {
    usable(*store_, storeLink_, &opened_);
    if (!redisLink_.due()) {
        context_.pause(kIdle);
        return;
    }
    Status status = bus_.connected() ? Status() : bus_.connect();
    if (status.code() == Code::InvalidField) {
        context_.pause(
            kAfterSurprise);  // what to do about it is the write loop's to say
        return;
    }
    if (status.ok()) {
        status = turn();
    }
    if (status.ok()) {
        redisLink_.recover();
    } else {
        bus_.close();
        redisLink_.fail(status.detail());
    }
    bus_.takeComplaint();  // the write loop meets the same and says so
}

Status ReadLoop::turn() {
    const auto before = Clock::now();
    auto reads = bus_.read(opened_ && storeLink_.ok() ? kBlock : kIdle);
    if (!reads.ok()) {
        return reads.status();
    }
    if (reads->empty() && Clock::now() - before < kIdle / 2) {
        context_.pause(kIdle);  // the stream cannot be made just now
    }
    auto sent = Clock::now();
    for (const Delivered& read : reads.value()) {
        if (Status status = answer(read); !status.ok()) {
            return status;
        }
        if (Clock::now() - sent >= kGather) {
            if (Status status = bus_.flush(); !status.ok()) {
                return status;
            }
            sent = Clock::now();
        }
    }
    return bus_.flush();
}

Status ReadLoop::answer(const Delivered& read) {
    if (read.expired) {
        bus_.drop(read);
        return {};
    }
    if (!read.status.ok()) {
        bus_.answer(read, refusal(read, read.status.code()), {});
        return {};
    }
    if (!opened_ || !storeLink_.ok()) {
        bus_.answer(read, refusal(read, Code::StoreUnavailable), {});
        return {};
    }
    const bool worded = read.command.operation != Operation::UnreadCount;
    if (worded && !read.command.profile.empty() && read.profile == nullptr) {
        bus_.answer(read, refusal(read, Code::ProfileUnknown), {});
        return {};
    }
    std::string nonce;
    if (read.command.operation == Operation::UnreadCount) {
        auto reserved =
            bus_.reserveBadge(read.command.who.site, countedMember(read.command));
        if (!reserved.ok()) {
            return reserved.status();
        }
        nonce = std::move(reserved.value());
    }
    std::vector<Publication> whispers;
    Reply reply = reader_.run(read.command, &whispers, read.profile.get());
    if (reply.code == Code::StoreUnavailable || reply.code == Code::Internal) {
        if (Status status = store_->ping(); !status.ok()) {
            storeLink_.fail(status.detail());
        }
    } else if (read.command.operation != Operation::Presence) {
        // A module that tells who came knows no role and no name of theirs.
        const Identity& who = read.command.who;
        writer_.learn({who.site, who.user, who.role, who.name});
    }
    for (const Publication& whisper : whispers) {
        bus_.whisper(whisper);
    }
    bus_.answer(read, reply, nonce);
    return {};
}

// Where Redis does not tell, nobody knows; that it is gone the next flush finds out.
void ReadLoop::find(std::vector<User>* users) {
    if (bus_.flush().ok()) {
        bus_.findPresences(users);
    }
}

Reply ReadLoop::refusal(const Delivered& read, Code code) const {
    Reply reply;
    reply.id = read.command.id;
    reply.code = code;
    reply.field = read.status.field();
    return reply;
}

}  // namespace

void ReadPool::start(const RedisOptions& redis, const Keys& keys,
                     std::unique_ptr<Store> store) {
    auto loop = std::make_unique<ReadLoop>(context_, redis, keys,
                                           "reader" + std::to_string(threads_.size()),
                                           std::move(store), writer_);
    threads_.emplace_back([loop = std::move(loop)] { loop->run(); });
}

ReadPool::~ReadPool() {
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

}  // namespace messaging::worker
