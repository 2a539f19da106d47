// An ImportSource over collections of MongoDB that another program wrote: Prisma's and
// Mongoose's, and whatever else a mapping describes.
#pragma once

#include <memory>
#include <string>

#include "worker/import_source.hpp"
#include "worker/store_mongo_client.hpp"

namespace messaging::worker::mongo {

class MongoSource final : public ImportSource {
public:
    MongoSource(UniqueUri uri, Mapping mapping)
        : uri_(std::move(uri)), mapping_(std::move(mapping)) {}

    Status open() override;
    uint64_t messages() const override { return count_; }
    bool hasUsers() const override { return users_ != nullptr; }
    Result<std::vector<SourceConversation>> conversations(size_t most) override;
    Result<std::optional<SourceMessage>> message() override;
    Result<std::vector<SourceUser>> users(size_t most) override;
    Result<std::set<std::string>> known(const std::set<std::string>& ids) override;

private:
    Result<UniqueCollection> collection(std::string_view name);
    Result<std::string> field(mongoc_collection_t* of, std::string_view name);
    Status startMessages();
    Status failure(std::string_view what, const bson_error_t& error) const;
    std::string first(const View& document, std::string_view name) const;
    SourceConversation conversationOf(const View& document) const;
    SourceMessage messageOf(const View& document) const;
    template <typename Visit>
    Status page(mongoc_collection_t* from, const std::string& key, UniqueBson* last,
                size_t most, Visit visit);

    UniqueUri uri_;
    Mapping mapping_;
    UniqueClient client_;  // outlives what follows
    UniqueDatabase database_;
    UniqueCollection conversations_;
    UniqueCollection messages_;
    UniqueCollection users_;
    std::string conversationField_;  // of messages, and what else they are sorted by
    std::string senderField_;
    std::string receiverField_;
    std::string dateField_;
    std::string userId_;
    std::string conversationId_;
    uint64_t count_ = 0;
    UniqueCursor cursor_;
    UniqueBson lastConversation_;
    UniqueBson lastUser_;
};

}  // namespace messaging::worker::mongo
