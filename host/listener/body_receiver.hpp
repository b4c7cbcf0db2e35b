// Receives the body of a request: from the socket into the plugin's descriptor or into memory, hashed on the way. One half fills while the
// pool hashes and writes the other; the I/O thread touches no disk. On the connection's thread. Private to host/listener.
#pragma once

#include "base/hash.hpp"
#include "host/listener/half.hpp"
#include "host/listener/place.hpp"
#include "netclient/chunked.hpp"

#include <agenthost/abi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::host::listener {

// How it ended.
struct ReceivedBody {
    agh_status status = AGH_OK; // INVALID: too large, or malformed; CLOSED: the peer left, or was too slow
    bool whole = false;         // all of it was taken from the socket
    bool malformed = false;
    std::uint64_t got = 0;
    base::Sha256Digest digest{};
    std::string memory;
};

class BodyReceiver : public std::enable_shared_from_this<BodyReceiver> {
public:
    class Owner {
    public:
        // The next part has not come: call came() when it has.
        virtual void wait_for_body() = 0;
        // The pool has let go. False: the connection ends now.
        virtual bool still_wanted() = 0;
        // So much has been written. False: no more is wanted.
        virtual bool body_landed(std::uint64_t bytes) = 0;
        // Last.
        virtual void body_ended(ReceivedBody) = 0;

    protected:
        ~Owner() = default;
    };
    struct Plan {
        int fd = -1; // the plugin's; -1: into memory
        std::uint64_t offset = 0, max = 0;
        std::optional<std::uint64_t> length; // absent: chunked
    };

    BodyReceiver(const Place&, const Plan&, Owner&);

    [[nodiscard]] bool too_large() const { return left_ && *left_ > max_; }
    [[nodiscard]] std::uint64_t max() const { return max_; }
    // Begins, unless something else waits for input already, which calls came() then.
    void start(bool waits)
    {
        waits_ = waits;
        if (!waits_) pump();
    }
    // More of it.
    void came()
    {
        waits_ = false;
        pump();
    }
    // The body is over, well or not; body_ended() follows once the pool has let go.
    void end(agh_status);
    // Nothing is told any more. Not while busy().
    ReceivedBody drop();
    // The pool uses the descriptors.
    [[nodiscard]] bool busy() const { return busy_; }
    [[nodiscard]] std::uint64_t got() const { return got_; }

private:
    void pump();
    bool fill(error_code&);
    std::optional<std::string_view> read_into(char* to, std::size_t room, error_code&);
    void hand_to_disk();
    void on_disk(int error);
    void finish();
    [[nodiscard]] bool to_disk() const { return fd_ >= 0; }

    Place place_;
    Owner& owner_;
    const int fd_;
    std::uint64_t offset_;
    const std::uint64_t max_;
    std::optional<std::uint64_t> left_; // of a known length: still to come
    netclient::ChunkedDecoder decoder_{netclient::ChunkedDecoder::Of::request};
    std::uint64_t got_ = 0, landed_ = 0; // landed: of it written to fd
    base::Sha256 sha_;
    std::string memory_;
    Half filling_, writing_;
    int disk_error_ = 0;
    agh_status status_ = AGH_OK; // once ended
    bool busy_ = false, waits_ = false, ended_ = false, over_ = false;
};

} // namespace agenthost::host::listener
