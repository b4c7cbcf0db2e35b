// Receives the body of a request: from the socket into the plugin's descriptor or into memory, hashed on the
// way. While one buffer is filled, the pool hashes and writes the other; the I/O thread never uses the disk.
// On the connection's thread; owned by the RequestHandler and by its own pending operations. Private to
// host/listener.
#pragma once

#include "base/hash.hpp"
#include "host/listener/body_buffer.hpp"
#include "host/listener/connection_context.hpp"
#include "netclient/chunked.hpp"

#include <agenthost/abi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace agenthost::host::listener {

// The bytes of a body that receive() takes with fd -1.
constexpr std::uint64_t max_in_memory = 1 << 20;

// The result.
struct ReceivedBody {
    // INVALID: too large, or malformed. CLOSED: the peer closed, or was too slow.
    agh_status status = AGH_OK;
    // The complete body was read from the socket.
    bool whole = false;
    bool malformed = false;
    std::uint64_t got = 0;
    base::Sha256Digest digest{};
    std::string memory;
};

class BodyReceiver : public std::enable_shared_from_this<BodyReceiver> {
public:
    class Owner {
    public:
        // The socket is empty: call readable() when it no longer is.
        virtual void wait_for_body() = 0;
        // The pool has finished a job. False: the connection ends now.
        virtual bool still_wanted() = 0;
        // So many bytes have been written in total. False: no more are wanted.
        virtual bool body_landed(std::uint64_t bytes) = 0;
        // The last call.
        virtual void body_ended(ReceivedBody) = 0;

    protected:
        ~Owner() = default;
    };
    struct Plan {
        // The plugin's; -1: into memory.
        int fd = -1;
        std::uint64_t offset = 0, max = 0;
        // Absent: chunked.
        std::optional<std::uint64_t> length;
    };

    BodyReceiver(const ConnectionContext&, const Plan&, Owner&);

    [[nodiscard]] bool too_large() const { return left_ && *left_ > max_; }
    [[nodiscard]] std::uint64_t max() const { return max_; }
    // Starts, unless something else already waits for input; that then calls readable().
    void start(bool waits)
    {
        waits_ = waits;
        if (!waits_) pump();
    }
    // The socket has more.
    void readable()
    {
        waits_ = false;
        pump();
    }
    // Ends the body, complete or not; body_ended() follows once the pool has finished.
    void end(agh_status);
    // No further call to the owner. Not while busy().
    ReceivedBody drop();
    // The pool uses the descriptors.
    [[nodiscard]] bool busy() const { return busy_; }
    [[nodiscard]] std::uint64_t got() const { return got_; }

private:
    void pump();
    bool fill(error_code&);
    std::optional<std::string_view> read_into(char* to, std::size_t capacity, error_code&);
    void hand_to_disk();
    void on_disk(int error);
    void finish();
    [[nodiscard]] bool to_disk() const { return fd_ >= 0; }

    ConnectionContext context_;
    Owner& owner_;
    const int fd_;
    std::uint64_t offset_;
    const std::uint64_t max_;
    // Of a known length: not yet received.
    std::optional<std::uint64_t> left_;
    netclient::ChunkedDecoder decoder_{netclient::ChunkedDecoder::Of::request};
    // Received; written to fd_.
    std::uint64_t got_ = 0, landed_ = 0;
    base::Sha256 sha_;
    std::string memory_;
    BodyBuffer filling_, writing_;
    int disk_error_ = 0;
    // Valid once ended.
    agh_status status_ = AGH_OK;
    bool busy_ = false, waits_ = false, ended_ = false, over_ = false;
};

} // namespace agenthost::host::listener
