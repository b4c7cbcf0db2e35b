// Receives the bytes of an upload: checks them against the declaration, claims space from the ledger, writes
// and hashes them.
#pragma once

#include "ledger.hpp"
#include "problem.hpp"

#include "base/hash.hpp"
#include "netclient/http_client.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace agenthost::storage {

// A claim on disk space, released unless settled. Hides the ledger's lock and the query for free space.
class Space {
public:
    virtual ~Space() = default;
    virtual std::string raise(std::uint64_t size) = 0; // to this total in bytes; empty, or what is short
    virtual void allocated(std::uint64_t bytes) = 0;
};

struct Declared {
    std::optional<std::uint64_t> size;
    std::string sha256; // lower-case hex; empty: none
};

class FileSink : public netclient::Sink {
public:
    FileSink(int file, Space& space, Declared declared, bool hash)
        : file_{file}, space_{space}, declared_{std::move(declared)}, hashing_{hash ||
                                                                               !declared_.sha256.empty()}
    {}

    bool begin(std::optional<std::uint64_t> total) override;
    bool write(const char* data, std::size_t size) override;
    bool restart() override;
    [[nodiscard]] bool verifies_content() const override { return !declared_.sha256.empty(); }
    [[nodiscard]] bool knows_end() const override { return declared_.size || !declared_.sha256.empty(); }

    // Call after the last byte: checks the file against the declaration and truncates excess allocation.
    MaybeProblem finish();

    [[nodiscard]] const MaybeProblem& problem() const
    {
        return problem_;
    } // why the sink stopped the transfer
    [[nodiscard]] std::uint64_t size() const { return size_; }
    [[nodiscard]] const std::string& sha256() const { return sha256_; } // after finish(); empty: not computed

private:
    bool stop(Problem problem);
    bool claim(std::uint64_t size);
    void allocate(std::uint64_t size);

    int file_;
    Space& space_;
    Declared declared_;
    bool hashing_;
    base::Sha256 hash_;
    std::uint64_t size_ = 0, claimed_ = 0, allocated_ = 0;
    std::string sha256_;
    MaybeProblem problem_;
};

} // namespace agenthost::storage
