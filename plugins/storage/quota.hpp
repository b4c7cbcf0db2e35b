// Shares the ledger among jobs: locks it and queries the disk's free space. Thread-safe.
#pragma once

#include "file_sink.hpp"
#include "ledger.hpp"
#include "store.hpp"

#include <cstdint>
#include <mutex>
#include <string>

namespace agenthost::storage {

class Quota {
public:
    // `used`: bytes of the files in place.
    Quota(Ledger::Limits limits, std::uint64_t used, const Store& store)
        : store_{store}, ledger_{limits, used}
    {}

    // The space that one transfer may write; the destructor releases it unless it was settled.
    class Claim : public Space {
    public:
        // `replaces`: bytes of the replaced file.
        Claim(Quota& quota, std::uint64_t replaces) : quota_{quota} { claim_.replaces = replaces; }
        ~Claim() override;
        Claim(const Claim&) = delete;
        Claim& operator=(const Claim&) = delete;

        std::string raise(std::uint64_t size) override;
        void allocated(std::uint64_t bytes) override;
        void settle(std::uint64_t size); // the file is in place

    private:
        Quota& quota_;
        Ledger::Claim claim_;
    };

    void removed(std::uint64_t size); // a file of this size was deleted

private:
    const Store& store_;
    std::mutex mutex_;
    Ledger ledger_;
};

} // namespace agenthost::storage
