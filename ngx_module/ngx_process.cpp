// A worker process's state: when it is made, when it goes, and who hears what Redis
// says.
#include "ngx_module/ngx_messaging.hpp"

#include <stdexcept>

#include <openssl/rand.h>

#include "ngx_module/ngx_command.hpp"
#include "ngx_module/ngx_revocation.hpp"
#include "ngx_module/ngx_stream.hpp"

namespace messaging {
namespace {

// Tokens remembered as verified. One takes some 600 bytes; a site with more people
// online at once verifies the others again.
constexpr size_t kTokens = 8192;

// Buckets remembered, some 250 bytes each: of who sent in the last minutes. Who is
// forgotten is let through once more.
constexpr size_t kRates = 8192;

}  // namespace

Process::Process(ngx_cycle_t* cycle, const MainConf& conf)
    : cycle(cycle),
      keys(conf.redis.prefix),
      replyChannel(keys.reply(randomDigits(8))),
      tokens(kTokens),
      rates(kRates),
      commands(std::make_unique<Commands>(conf.maxPending)),
      streams(std::make_unique<Streams>(*this, conf)),
      revocations(std::make_unique<RevocationWatch>(*this)),
      redis(std::make_unique<Redis>(conf.redis, replyChannel, *this, cycle->log)) {}

Process::~Process() = default;

// Redis tells; each listener is guarded, since what stands above it on the stack is C.

void Process::redisUp() {
    guard(cycle->log, 0, [this] {
        for (const auto& profile : mainConf(cycle)->profiles) {
            storeProfile(this, *profile);
        }
        return 0;
    });
    guard(cycle->log, 0, [this] {
        streams->redisUp();
        return 0;
    });
    guard(cycle->log, 0, [this] {
        revocations->redisUp();  // which serves those that came early
        return 0;
    });
}

void Process::redisDown() {
    rates.clear();
    revocations->redisDown();
    guard(cycle->log, 0, [this] {
        serveEarly(this);
        failAll(this);
        return 0;
    });
    guard(cycle->log, 0, [this] {
        streams->redisDown();
        return 0;
    });
}

void Process::redisSubscribed(std::string_view channel) {
    guard(cycle->log, 0, [&] {
        if (!revocations->redisSubscribed(channel)) {
            streams->redisSubscribed(channel);
        }
        return 0;
    });
}

void Process::redisMessage(std::string_view channel, std::string_view payload) {
    guard(cycle->log, 0, [&] {
        if (channel == replyChannel) {
            takeReply(this, payload);
        } else if (!revocations->redisMessage(channel, payload)) {
            streams->redisMessage(channel, payload);
        }
        return 0;
    });
}

void Process::logOddity(const char* what, std::string_view detail) {
    if (lastOddity != ngx_time()) {
        lastOddity = ngx_time();
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0, "messaging: %s: %*s", what,
                      detail.size(), detail.data());
    }
}

std::string randomDigits(size_t bytes) {
    std::vector<u_char> drawn(bytes);
    if (RAND_bytes(drawn.data(), static_cast<int>(bytes)) != 1) {
        throw std::runtime_error("no random numbers");
    }
    std::string digits(2 * bytes, '\0');
    ngx_hex_dump(ngxString(digits).data, drawn.data(), bytes);
    return digits;
}

Process* process(ngx_http_request_t* r) {
    return mainConf(r)->process.get();
}

// Also called for nginx's cache helpers, which serve nobody. A failure here leaves a
// process that answers 503: the site's other locations go on.
ngx_int_t initProcess(ngx_cycle_t* cycle) {
    MainConf* conf = mainConf(cycle);
    if (conf == nullptr || !conf->used ||
        (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)) {
        return NGX_OK;
    }
    return guard(cycle->log, ngx_int_t{NGX_OK}, [&] {
        conf->process = std::make_unique<Process>(cycle, *conf);
        conf->process->redis->connect();
        return ngx_int_t{NGX_OK};
    });
}

void exitProcess(ngx_cycle_t* cycle) {
    if (MainConf* conf = mainConf(cycle)) {
        conf->process.reset();
    }
}

}  // namespace messaging
