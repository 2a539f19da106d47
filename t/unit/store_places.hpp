// Where the stores' tests keep their data: a directory, or a database on a server, of
// its own for each test and gone after it. Also what no store would do to its data.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/store.hpp"

namespace messaging::unit {

class Place {
public:
    virtual ~Place() = default;

    virtual std::string uri() const = 0;
    // Whether insert and memberships are one transaction.
    virtual bool transactional() const = 0;
    // Of the schema, as this worker makes it.
    virtual unsigned version() const = 0;
    // As the database says.
    virtual unsigned storedVersion() const = 0;
    // As if a worker of another version had been here.
    virtual void setVersion(unsigned version) = 0;
    // As if no worker with an index of words had been here.
    virtual void withoutIndex() = 0;

    // Another connection, open. Fails the test where it cannot be.
    std::unique_ptr<worker::Store> store() const;
};

class SqlitePlace : public Place {
public:
    SqlitePlace();
    ~SqlitePlace() override;

    std::string uri() const override { return "sqlite:" + path(); }
    bool transactional() const override { return true; }
    unsigned version() const override;
    unsigned storedVersion() const override;
    void setVersion(unsigned version) override;
    void withoutIndex() override;

    std::string directory() const { return directory_; }
    std::string path() const { return directory_ + "/store.db"; }
    void execute(const char* sql);

private:
    std::string directory_;
};

// The server of MongoDB's protocol that $MESSAGING_TEST_MONGODB names; nullptr: none.
const char* mongoServer();

// The kinds of places, as a test's loop counts them, that there are here.
int kindsOfPlaces();
std::unique_ptr<Place> makePlace(int kind);

}  // namespace messaging::unit
